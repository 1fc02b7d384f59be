"""RabbitMQ with management and Prometheus, and the port mapper that Erlang would start behind our back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from stack.components.openstack.settings import HOST, home, url
from stack.errors import DownError
from stack.ports import answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.lab import Lab

USER = "openstack"
MONITOR = "argus_monitor"
SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one on PATH changes to another user
CONFIG = """\
listeners.tcp.1 = {host}:{amqp}
management.tcp.ip = {host}
management.tcp.port = {management}
prometheus.tcp.ip = {host}
prometheus.tcp.port = {prometheus}
default_user = {user}
default_pass = {password}
collect_statistics_interval = 5000
"""
# without busy waiting, which would take a core from the others
SCHEDULERS = "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"


class Epmd:
    """In the foreground and on a port of our own: the one that Erlang starts outlives everything."""

    name = "epmd"
    needs = ("openstack-packages",)

    def start(self, lab: Lab) -> str:
        lab.processes.start(self.name, ["epmd", "-port", str(lab.ports[self.name]), "-address", HOST])
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        if not answers(lab.ports[self.name]):
            raise DownError(f"nothing listens on {HOST}:{lab.ports[self.name]}")
        return f"port mapper on {HOST}:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


@dataclass(frozen=True, slots=True)
class Rabbitmq:
    """One node; ``more`` is further configuration, ``base`` the folder with the cookie and its data."""

    name: str = "rabbitmq"
    needs: tuple[str, ...] = ("epmd",)
    base: str = "rabbitmq"
    more: Callable[[Lab], str] = lambda _lab: ""

    def start(self, lab: Lab) -> str:
        base = home(lab) / self.base
        folder = base / self.name if self.base != self.name else base
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "enabled_plugins").write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        text = CONFIG.format(
            host=HOST,
            amqp=lab.ports[self.name],
            management=lab.ports[f"{self.name}:management"],
            prometheus=lab.ports[f"{self.name}:prometheus"],
            user=USER,
            password=lab.password("rabbitmq"),
        )
        (folder / "rabbitmq.conf").write_text(text + self.more(lab))
        lab.processes.start(self.name, [SERVER], env=_environment(lab, self.name, base, folder))
        works = lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=120)
        monitor = {"password": lab.password("openstack-monitor"), "tags": "monitoring"}
        management(lab, "PUT", f"users/{MONITOR}", monitor, self.name)
        nothing = {"configure": "^$", "write": "^$", "read": "^$"}  # enough to be shown the queues
        management(lab, "PUT", f"permissions/%2F/{MONITOR}", nothing, self.name)
        return works

    def check(self, lab: Lab) -> str:
        version = management(lab, "GET", "overview", node=self.name).json()["rabbitmq_version"]
        return f"RabbitMQ {version} on {HOST}:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


def management(
    lab: Lab, method: str, path: str, body: object = None, node: str = "rabbitmq"
) -> requests.Response:
    """Call the management API as administrator. Raises DownError when it does not answer as it should."""
    address = f"{url(lab, f'{node}:management')}/api/{path}"
    try:
        answer = requests.request(
            method, address, json=body, auth=(USER, lab.password("rabbitmq")), timeout=5
        )
        answer.raise_for_status()
    except requests.RequestException as failure:
        raise DownError(f"{address}: {failure}") from None
    return answer


def has_consumers(lab: Lab, queue: str) -> bool:
    """Whether a service listens on its queue of the default virtual host."""
    try:
        return bool(management(lab, "GET", f"queues/%2F/{queue}").json().get("consumer_details"))
    except DownError:  # no such queue yet
        return False


def node_name(lab: Lab, name: str) -> str:
    return f"argus{lab.ports[name]}@localhost"


def _environment(lab: Lab, name: str, base: Path, folder: Path) -> dict[str, str]:
    return {
        "HOME": str(base),  # where the Erlang cookie is
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "ERL_EPMD_PORT": str(lab.ports["epmd"]),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": node_name(lab, name),
        "RABBITMQ_DIST_PORT": str(lab.ports[f"{name}:distribution"]),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_LOGS": "-",  # standard output
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": SCHEDULERS,
    }
