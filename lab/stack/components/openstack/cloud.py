"""The running control plane, for tests: where it is, and how to hurt it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from stack.components.openstack.catalogue import connect
from stack.components.openstack.config import MONITOR, cloud_env, clouds_yaml
from stack.components.openstack.members import FURTHER, openstack
from stack.components.openstack.settings import public_url, url
from stack.errors import LabError
from stack.polling import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from openstack.connection import Connection

    from stack.lab import Lab


@dataclass(frozen=True, slots=True)
class Cloud:
    """Names are those of lab/status: `nova-compute-cmp2`, `rabbitmq`, `neutron-ovs-cmp1`, ..."""

    lab: Lab

    @property
    def clouds_yaml(self) -> Path:
        """With the identities argus-admin, argus-monitor and argus-reader."""
        return clouds_yaml(self.lab)

    @property
    def env(self) -> dict[str, str]:
        """OS_CLIENT_CONFIG_FILE and OS_CLOUD, and the addresses of what the services stand on."""
        return cloud_env(self.lab)

    @property
    def logs(self) -> Path:
        return self.lab.processes.log("x").parent

    def connect(self, cloud: str = MONITOR) -> Connection:
        return connect(self.lab, cloud)

    def url(self, name: str) -> str:
        """Straight to a process, by its name in lab/run/ports.json (`nova-api`, `rabbitmq:management`)."""
        return url(self.lab, name)

    def public_url(self, name: str) -> str:
        """The same API through the balancer."""
        return public_url(self.lab, name)

    def pid(self, name: str) -> int:
        pid = self.lab.processes.pid(name)
        if pid is None:
            raise LabError(f"{name} does not run", self.lab.processes.log(name))
        return pid

    def kill(self, name: str) -> None:
        """SIGKILL to a process and its workers, as the kernel would when memory runs out."""
        members = self.lab.processes.members(name)
        if not members:
            raise LabError(f"{name} does not run")
        _signal(members, signal.SIGKILL)
        wait_until(lambda: not self.lab.processes.members(name), 5)

    def stop(self, name: str) -> None:
        """SIGSTOP: it is there, keeps its sockets and answers nothing."""
        _signal(self.lab.processes.members(name), signal.SIGSTOP)

    def cont(self, name: str) -> None:
        _signal(self.lab.processes.members(name), signal.SIGCONT)

    def start(self, name: str) -> None:
        """Start what was killed, and wait until it answers."""
        known = (*openstack(), *chain.from_iterable(FURTHER.values()))
        component = next(component for component in known if component.name == name)
        component.start(self.lab)


def _signal(pids: list[int], sign: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, sign)
