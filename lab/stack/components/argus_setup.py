"""Argus' configuration files for the lab, its tables in PostgreSQL, and what it needs in Zabbix."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from stack.components.redis import redis_url
from stack.components.zabbix_web import zabbix_url
from stack.errors import DownError
from stack.lab import TOP, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab

ZABBIX_USER = "Admin"
ZABBIX_PASSWORD = "zabbix"
AGENT_INTERVAL = (
    "LAB_AGENT_INTERVAL"  # a variable: seconds between two cycles of agents, 5 where it is not set
)
AGENT_CONFIG = """\
# Written by lab/up.
[DEFAULT]
host = {host}
interval = {interval}
rundir = {rundir}

[libvirt]
uri = {libvirt}
timeout = 3

[zabbix]
servers = 127.0.0.1:{zabbix}
spool_file = {spool}
# seconds until what was discovered first is told again: a few, so that people and tests do not wait
resend_seconds = 20

[allocation]
reserved_cpus = {reserved_cpus}

[audit]
profile = {profile}

[prometheus]
listen = {listen}
"""
ARGUS_CONFIG = """\
# Written by lab/up.
[zabbix]
url = {zabbix}
token_file = {folder}/zabbix_token
servers = 127.0.0.1:{trapper}

[database]
url_file = {folder}/database_url

[celery]
broker_url_file = {folder}/broker_url
schedule_file = {folder}/beat

[correlator]
interval = 5
stale_after = 20
promote_after = 15
flap_window = 1800

[smtp]
host = 127.0.0.1
port = {smtp}
tls = none
sender = argus@lab.invalid
recipients = oncall@lab.invalid

[exporter]
listen = 127.0.0.1:{metrics}

[thresholds]
# seconds a finding must last, and be gone: a few, so that people and tests do not wait
libvirtd_does_not_answer_hold = 6
libvirtd_does_not_answer_keep = 6
node_does_not_report_hold = 6
node_does_not_report_keep = 6
guest_is_broken_keep = 6
guest_is_not_running_keep = 6
overcommit_hurts_guests_hold = 6
node_is_full_hold = 6
# of 8 promised vCPUs the lab's guests leave 4: an incident that is always there
node_vcpus_free_min = 5
"""


def agent_config(lab: Lab, node: str = "") -> Path:
    return lab.run / (f"agent-{node}.conf" if node else "agent.conf")


def argus_config(lab: Lab) -> Path:
    return lab.run / "argus.conf"


def config_env(lab: Lab) -> dict[str, str]:
    return {"ARGUS_CONFIG": str(argus_config(lab)), "ARGUS_AGENT_CONFIG": str(agent_config(lab))}


def database_url(lab: Lab) -> str:
    return f"postgresql+psycopg://argus:{lab.password('argus')}@127.0.0.1:{lab.ports['postgres']}/argus"


def write_agent_config(path: Path, **values: str | int | Path) -> None:
    """The configuration of one node's agent.

    The lab's guests have four vCPUs; on a machine with more than two CPUs the rest count as kept for
    the host, so that its overcommit is real everywhere.
    """
    cpus = os.cpu_count() or 1
    text = AGENT_CONFIG.format(
        **values,
        interval=os.environ.get(AGENT_INTERVAL, "5"),
        reserved_cpus=f"2-{cpus - 1}" if cpus > 2 else "",
        spool=path.with_suffix(".spool"),
        profile=TOP / "etc" / "profiles" / "tuned-current.yaml",
    )
    path.write_text(text)


class ArgusSetup:
    name = "argus-setup"
    needs = ("postgres", "zabbix-web", "redis", "smtp-sink")

    def start(self, lab: Lab) -> str:
        secrets = lab.folder("secrets", mode=0o700)
        write_private(secrets / "database_url", database_url(lab) + "\n")
        write_private(secrets / "broker_url", redis_url(lab) + "\n")
        text = ARGUS_CONFIG.format(
            zabbix=zabbix_url(lab),
            folder=secrets,
            smtp=lab.ports["smtp-sink"],
            metrics=lab.ports["exporter"],
            trapper=lab.ports["zabbix-server"],
        )
        argus_config(lab).write_text(text)
        argus = lab.bin("argus")
        lab.command(self.name, [argus, "db", "upgrade"], env=config_env(lab))
        admin = {"ZABBIX_USER": ZABBIX_USER, "ZABBIX_PASSWORD": ZABBIX_PASSWORD}
        lab.command(self.name, [argus, "zabbix", "apply"], env={**config_env(lab), **admin})
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        token = lab.run / "secrets" / "zabbix_token"
        if not token.exists():
            raise DownError(f"{token} is missing: argus zabbix apply writes it")
        return f"{argus_config(lab)}; tables, templates and token made"

    def stop(self, lab: Lab) -> None:
        """Files, tables and templates only: nothing runs."""
