"""Cinder: API, scheduler and one volume service on cinder's own driver that only logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.policies import policy
from stack.components.openstack.service import Schema, Service, answers_at, configured
from stack.components.openstack.settings import (
    CONTROLLER,
    DOWN_TIME,
    HOST,
    REPORT_INTERVAL,
    common,
    database,
    ini,
    messages,
    state,
    url,
    venv,
)

if TYPE_CHECKING:
    from stack.lab import Lab


def files(lab: Lab) -> dict[str, str]:
    data = venv(lab) / "etc" / "cinder"
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            **messages(lab),
            "host": CONTROLLER,
            "my_ip": HOST,
            "osapi_volume_listen": HOST,
            "osapi_volume_listen_port": lab.ports["cinder-api"],
            "osapi_volume_workers": 1,
            "auth_strategy": "keystone",
            "state_path": state(lab) / "cinder",
            "api_paste_config": data / "api-paste.ini",
            "resource_query_filters_file": data / "resource_filters.json",
            "rootwrap_config": data / "rootwrap.conf",
            "enabled_backends": "fake",
            "report_interval": REPORT_INTERVAL,
            "service_down_time": DOWN_TIME,
            "rpc_response_timeout": 20,
            "glance_api_servers": url(lab, "glance-api"),
        },
        "fake": {
            "volume_driver": "cinder.tests.fake_driver.FakeLoggingVolumeDriver",
            "volume_backend_name": "fake",
        },
        "database": {"connection": database(lab, "cinder")},
        **common(lab),
        **policy("cinder"),
    }
    return {"cinder.conf": ini(sections)}


CINDER_DB = Schema(
    "cinder-db",
    ("mariadb", "openstack-venv", "openstack-config"),
    "cinder.conf",
    lambda _lab: [["cinder-manage", "db", "sync"]],
)
AFTER = ("cinder-db", "rabbitmq", "keystone-catalogue")
CINDER = (
    Service(
        "cinder-api",
        (*AFTER, "haproxy"),
        configured("cinder-api", "cinder.conf"),
        answers_at("cinder-api"),
        ("cinder.conf",),
    ),
    Service("cinder-scheduler", AFTER, configured("cinder-scheduler", "cinder.conf"), None, ("cinder.conf",)),
    Service("cinder-volume", AFTER, configured("cinder-volume", "cinder.conf"), None, ("cinder.conf",)),
)
