"""Keystone: identity and the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.policies import policy
from stack.components.openstack.service import Schema, Service, answers_at
from stack.components.openstack.settings import (
    HOST,
    REGION,
    common,
    database,
    etc,
    identity_url,
    ini,
    logs,
    public_url,
    state,
)
from stack.components.openstack.wsgi import uwsgi, uwsgi_ini

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab


def files(lab: Lab) -> dict[str, str]:
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": logs(),
        "database": {"connection": database(lab, "keystone")},
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": state(lab) / "fernet"},
        "credential": {"key_repository": state(lab) / "credential"},
        "cache": {
            "enabled": True,
            "backend": "oslo_cache.memcache_pool",
            "memcache_servers": f"{HOST}:{lab.ports['memcached']}",
        },
        "oslo_middleware": {"enable_proxy_headers_parsing": True},
        "oslo_concurrency": common(lab)["oslo_concurrency"],
        **policy("keystone"),
    }
    return {
        "keystone/keystone.conf": ini(sections),
        "keystone.uwsgi": uwsgi_ini(lab.ports["keystone"], "keystone.wsgi.api:application"),
    }


def _schema(lab: Lab) -> list[list[str | Path]]:
    owner = ["--keystone-user", "root", "--keystone-group", "root"]
    urls: list[str | Path] = ["--bootstrap-public-url", public_url(lab, "keystone") + "/v3"]
    for interface in ("internal", "admin"):
        urls += [f"--bootstrap-{interface}-url", identity_url(lab)]
    return [
        ["keystone-manage", "db_sync"],
        ["keystone-manage", "fernet_setup", *owner],
        ["keystone-manage", "credential_setup", *owner],
        ["keystone-manage", "bootstrap", "--bootstrap-region-id", REGION, *urls],
    ]


def _bootstrap_env(lab: Lab) -> dict[str, str]:
    return {"OS_BOOTSTRAP_PASSWORD": lab.password("openstack-admin")}


KEYSTONE_DB = Schema(
    "keystone-db",
    ("mariadb", "openstack-venv", "openstack-config"),
    "keystone/keystone.conf",
    _schema,
    _bootstrap_env,
)
KEYSTONE = Service(
    "keystone",
    ("keystone-db", "memcached", "haproxy"),
    uwsgi("keystone.uwsgi"),
    answers_at("keystone", "/v3"),
    ("keystone.uwsgi", "keystone/keystone.conf"),
    lambda lab: {"OS_KEYSTONE_CONFIG_DIR": str(etc(lab) / "keystone")},
)
