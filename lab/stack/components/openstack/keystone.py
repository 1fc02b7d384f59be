"""Keystone: identity and the catalogue."""

from __future__ import annotations

import base64
import os
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
from stack.lab import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab


def files(lab: Lab) -> dict[str, str]:
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": logs(),
        "database": {"connection": database(lab, "keystone")},
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": _keys(lab, "fernet")},
        "fernet_receipts": {"key_repository": _keys(lab, "fernet")},
        "credential": {"key_repository": _keys(lab, "credential")},
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


def _keys(lab: Lab, name: str) -> Path:
    """A directory with the key that signs and the one that follows it, as `keystone-manage` would make."""
    folder = state(lab) / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for number in ("0", "1"):
        if not (folder / number).exists():
            write_private(folder / number, base64.urlsafe_b64encode(os.urandom(32)).decode())
    return folder


def _schema(lab: Lab) -> list[list[str | Path]]:
    urls: list[str | Path] = ["--bootstrap-public-url", public_url(lab, "keystone") + "/v3"]
    for interface in ("internal", "admin"):
        urls += [f"--bootstrap-{interface}-url", identity_url(lab)]
    return [
        ["keystone-manage", "db_sync"],
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
