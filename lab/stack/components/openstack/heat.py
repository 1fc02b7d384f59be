"""Heat: API and one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.service import Schema, Service, answers_at, configured
from stack.components.openstack.settings import (
    CONTROLLER,
    HOST,
    client,
    common,
    database,
    ini,
    messages,
    venv,
)

if TYPE_CHECKING:
    from stack.lab import Lab


def files(lab: Lab) -> dict[str, str]:
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            **messages(lab),
            "host": CONTROLLER,
            "auth_encryption_key": lab.password("heat")[:32].ljust(32, "0"),
            "num_engine_workers": 1,
            "periodic_interval": 10,
        },
        "database": {"connection": database(lab, "heat")},
        "heat_api": {"bind_host": HOST, "bind_port": lab.ports["heat-api"], "workers": 0},
        "paste_deploy": {"api_paste_config": venv(lab) / "etc" / "heat" / "api-paste.ini"},
        "trustee": client(lab),
        **common(lab),
    }
    return {"heat.conf": ini(sections)}


HEAT_DB = Schema(
    "heat-db",
    ("mariadb", "openstack-venv", "openstack-config"),
    "heat.conf",
    lambda _lab: [["heat-manage", "db_sync"]],
)
AFTER = ("heat-db", "rabbitmq", "keystone-catalogue")
HEAT = (
    Service(
        "heat-api",
        (*AFTER, "haproxy"),
        configured("heat-api", "heat.conf"),
        answers_at("heat-api"),
        ("heat.conf",),
    ),
    Service("heat-engine", AFTER, configured("heat-engine", "heat.conf"), None, ("heat.conf",)),
)
