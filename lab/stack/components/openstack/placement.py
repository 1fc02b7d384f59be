"""Placement, twice behind the balancer, so that one may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.policies import policy
from stack.components.openstack.service import Schema, Service, answers_at
from stack.components.openstack.settings import common, database, etc, ini, logs
from stack.components.openstack.wsgi import uwsgi, uwsgi_ini

if TYPE_CHECKING:
    from stack.lab import Lab

PROCESSES = ("placement-1", "placement-2")


def files(lab: Lab) -> dict[str, str]:
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": logs(),
        "placement_database": {"connection": database(lab, "placement")},
        "api": {"auth_strategy": "keystone"},
        **common(lab),
        **policy("placement"),
    }
    module = "placement.wsgi.api:application"
    servers = {f"{name}.uwsgi": uwsgi_ini(lab.ports[name], module) for name in PROCESSES}
    return {"placement/placement.conf": ini(sections), **servers}


PLACEMENT_DB = Schema(
    "placement-db",
    ("mariadb", "openstack-venv", "openstack-config"),
    "placement/placement.conf",
    lambda _lab: [["placement-manage", "db", "sync"]],
)
PLACEMENT = tuple(
    Service(
        name,
        ("placement-db", "keystone", "haproxy"),
        uwsgi(f"{name}.uwsgi"),
        answers_at(name, balanced=False),
        (f"{name}.uwsgi", "placement/placement.conf"),
        lambda lab: {"OS_PLACEMENT_CONFIG_DIR": str(etc(lab) / "placement")},
    )
    for name in PROCESSES
)
