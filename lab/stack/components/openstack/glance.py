"""Glance on a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.service import Schema, Service, answers_at, configured
from stack.components.openstack.settings import HOST, common, database, ini, logs, state, venv

if TYPE_CHECKING:
    from stack.lab import Lab


def files(lab: Lab) -> dict[str, str]:
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            **logs(),
            "bind_host": HOST,
            "bind_port": lab.ports["glance-api"],
            "workers": 0,
            "enabled_backends": "fs:file",
        },
        "database": {"connection": database(lab, "glance")},
        "glance_store": {"default_backend": "fs"},
        "fs": {"filesystem_store_datadir": state(lab) / "glance" / "images"},
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": venv(lab) / "etc" / "glance" / "glance-api-paste.ini",
        },
        **common(lab),
    }
    return {"glance.conf": ini(sections)}


GLANCE_DB = Schema(
    "glance-db",
    ("mariadb", "openstack-venv", "openstack-config"),
    "glance.conf",
    lambda _lab: [["glance-manage", "db_sync"]],
)
GLANCE = Service(
    "glance-api",
    ("glance-db", "keystone", "haproxy"),
    configured("glance-api", "glance.conf"),
    answers_at("glance-api"),
    ("glance.conf",),
)
