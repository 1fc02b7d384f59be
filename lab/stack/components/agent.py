"""argus-agent, one a compute node; outside of the node's namespaces, it talks to its libvirt socket."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.components.argus_setup import agent_config, write_agent_config
from stack.components.daemon import Daemon, metrics

if TYPE_CHECKING:
    from pathlib import Path

    from stack.components.libvirtd import Libvirtd
    from stack.lab import Lab


def write_node_config(lab: Lab, path: Path, node: Libvirtd, *, zabbix: int, listen: str) -> None:
    """The configuration of an agent on `node`, or on the libvirtd that `up --libvirt` was given."""
    write_agent_config(
        path,
        host=socket.gethostname() if lab.libvirt else node.name,
        libvirt=lab.libvirt or node.uri(lab),
        rundir="/run/libvirt" if lab.libvirt else node.folder(lab) / "run",
        zabbix=zabbix,
        listen=listen,
    )


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent of a node; without a node it watches the libvirtd that `up --libvirt` was given."""

    name: str
    node: Libvirtd
    config: str = ""  # suffix of the configuration file's name

    @property
    def needs(self) -> tuple[str, ...]:
        return ("argus-setup", self.node.name)

    def start(self, lab: Lab) -> str:
        path = agent_config(lab, self.config)
        listen = f"127.0.0.1:{lab.ports[self.name]}"
        write_node_config(lab, path, self.node, zabbix=lab.ports["zabbix-server"], listen=listen)
        return self._daemon().start(lab)

    def check(self, lab: Lab) -> str:
        return self._daemon().check(lab)

    def stop(self, lab: Lab) -> None:
        self._daemon().stop(lab)

    def metrics_url(self, lab: Lab) -> str:
        return f"http://127.0.0.1:{lab.ports[self.name]}/metrics"

    def _daemon(self) -> Daemon:
        return Daemon(
            self.name,
            self.needs,
            argv=lambda lab: [lab.bin("argus-agent"), "--config-file", agent_config(lab, self.config)],
            ask=lambda lab: metrics(self.metrics_url(lab), "argus_"),
        )
