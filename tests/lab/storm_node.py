"""A compute node for tests that stop, kill and crowd: nobody else's guests are on it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape

import libvirt

from argus_agent.collectors import load_collectors
from argus_agent.cycle import Allocation
from argus_agent.host import Host
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.runner import Runner
from stack.components.libvirtd import Libvirtd
from stack.registry import NODE1
from tests.lab.conftest import Lab

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Node:
    """A libvirtd that no agent of the lab watches: its guests reach no Zabbix."""

    libvirtd: Libvirtd
    uri: str
    rundir: Path
    connection: libvirt.virConnect

    def runner(self) -> Runner:
        host = Host("storm", rundir=self.rundir)
        return Runner(host, load_collectors(), LibvirtSource(self.uri, 10), Allocation())

    def start(
        self, name: str, metadata: str = "", connection: libvirt.virConnect | None = None
    ) -> libvirt.virDomain:
        """A guest of 16 MiB that is paused before its first instruction, and gone when it ends.

        ``connection``: another one than that of the node, which serves few calls at once.
        """
        xml = (
            f"<domain type='qemu'><name>{escape(name)}</name><uuid>{uuid.uuid4()}</uuid>"
            f"<metadata>{metadata}</metadata><memory unit='MiB'>16</memory><vcpu>1</vcpu>"
            "<os><type arch='x86_64' machine='pc'>hvm</type></os><on_crash>destroy</on_crash>"
            "<devices><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"
        )
        return (connection or self.connection).createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)

    def running(self) -> set[str]:
        return {domain.UUIDString() for domain in self.connection.listAllDomains()}

    def pid(self, domain: libvirt.virDomain) -> int:
        (line,) = [
            path.read_text()
            for path in (self.rundir / "qemu").glob("*.xml")
            if domain.UUIDString() in path.read_text()
        ]
        return int(line.partition("pid='")[2].partition("'")[0])


@contextmanager
def storm_node(lab: Lab, name: str) -> Iterator[Node]:
    libvirtd = Libvirtd(name, probed_by=NODE1)
    libvirtd.start(lab.stack)
    connection = libvirt.open(libvirtd.uri(lab.stack))
    try:
        yield Node(libvirtd, libvirtd.uri(lab.stack), libvirtd.folder(lab.stack) / "run", connection)
    finally:
        connection.close()
        libvirtd.stop(lab.stack)


def wait_for(find: Callable[[], T | None], seconds: float = 20) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")
