"""The node booted by systemd, as tests of the agent's unit use it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

from stack.components.guest_image import GuestImage
from stack.components.unit_node import DISKS, SHARED, UNIT_GUESTS, UnitNode, UnitNodeFiles
from stack.errors import DownError
from stack.lab import TOP, Lab
from stack.polling import wait_until

T = TypeVar("T")
AGENT = "argus-agent.service"
CONFIG = "/etc/argus/agent.conf"
PYTHON = "/opt/argus/bin/python3"
_FETCH = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:{}/metrics', timeout=5).read().decode())"
)
FETCH, FETCH_EXPORTER = _FETCH.format(9752), _FETCH.format(9753)
OFFLINE = f"PIP_NO_INDEX=1 PIP_FIND_LINKS={SHARED}/wheels"


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Machine:
    lab: Lab
    node: UnitNode

    def run(self, *argv: str | Path, timeout: float = 60, check: bool = True) -> str:
        return self.node.run(self.lab, *argv, timeout=timeout, check=check).stdout

    def sh(self, script: str, timeout: float = 60) -> str:
        return self.run("sh", "-ec", script, timeout=timeout)

    def share(self, path: Path) -> Path:
        """Make a file of the tests visible in there; returns where."""
        shutil.copy(path, self.lab.run / "unit-node" / "files")
        return SHARED / path.name

    def write(self, path: str, text: str) -> None:
        name = path.replace("/", "_")
        (self.lab.run / "unit-node" / "files" / name).write_text(text)
        self.sh(f"mkdir -p $(dirname {path}) && cp {SHARED}/{name} {path}")

    def show(self, prop: str, unit: str = AGENT) -> str:
        return self.run("systemctl", "show", "--property", prop, "--value", unit).strip()

    def pid(self, unit: str = AGENT) -> int:
        return int(self.show("MainPID", unit))

    def journal(self, unit: str = AGENT) -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)

    def metrics(self) -> list[Value]:
        """What the agent serves; empty while nobody serves it."""
        text = self.run(PYTHON, "-c", FETCH, check=False)
        return parse(text)

    def wait(self, find: Callable[[], T], seconds: float = 30, every: float = 0.3) -> T:
        answer = wait_until(find, seconds, every)
        assert answer, f"not within {seconds:g} s; the journal ends with\n{self.journal()[-3000:]}"
        return answer

    @contextmanager
    def drop_in(self, text: str) -> Iterator[None]:
        """The agent restarted with a drop-in; and afterwards again under its unit alone."""
        self.write(f"/etc/systemd/system/{AGENT}.d/test.conf", text)
        try:
            self.sh(f"systemctl daemon-reload && systemctl restart {AGENT}")
            yield
        finally:
            self.sh(f"rm -r /etc/systemd/system/{AGENT}.d && systemctl daemon-reload")
            self.sh(f"systemctl reset-failed {AGENT}; systemctl restart {AGENT}")


def parse(text: str) -> list[Value]:
    return [
        Value(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


@contextmanager
def booted() -> Iterator[Machine]:
    """A fresh machine without libvirt and Argus, gone afterwards, also when this process is killed."""
    lab = Lab.open()
    for files in (GuestImage(), UnitNodeFiles()):
        files.start(lab)
    node = UnitNode(dies_with_us=True)
    node.stop(lab)
    try:
        node.start(lab)
        yield Machine(lab, node)
    finally:
        node.stop(lab)


def readme_steps(begin: str, end: str) -> list[str]:
    """The commands of README between two words, but for the one that builds the wheel, which the lab did."""
    block = (TOP / "README.md").read_text().partition(begin)[2].partition(end)[0]
    commands = re.findall(r"^    (\S.*)$", block, re.MULTILINE)
    return [command for command in commands if "pip wheel" not in command]


def install_by_readme(machine: Machine) -> None:
    for step in readme_steps("**Compute nodes**", "**Zabbix**"):
        _step(machine, step)


def install_correlator(machine: Machine) -> None:
    """On the machine of the agent, whose user there is already."""
    for step in readme_steps("**The correlator**", "* small site"):
        if "useradd" not in step:
            _step(machine, step)


def _step(machine: Machine, step: str) -> None:
    if "argus check-config" in step:  # 1 says what is lacking still, which later steps make
        step = f"{step.partition('#')[0]} || [ $? -eq 1 ]"
    machine.run("bash", "-ec", f"cd {SHARED} && export {OFFLINE} && {step}", timeout=180)


def start_libvirt(machine: Machine) -> None:
    """Start libvirt on a node whose agent runs already: its group, its daemon and two guests."""
    machine.sh(
        "groupadd --system libvirt && systemctl start virtlogd.socket libvirtd.socket libvirtd.service"
    )
    machine.sh(f"mkdir -p {DISKS} && cp {SHARED}/vmlinuz {SHARED}/initrd.gz {DISKS}")
    for guest in UNIT_GUESTS:
        disk = f"{DISKS}/{guest.name}"
        machine.sh(
            f"qemu-img create -q -f raw {disk}-vda.raw 16M; qemu-img create -q -f qcow2 {disk}-vdb.qcow2 16M"
        )
        machine.run("virsh", "-q", "-c", "qemu:///system", "create", f"{SHARED}/{guest.name}.xml")


def probe(machine: Machine, path: str) -> dict[str, str]:
    found = json.loads(machine.run("cat", path))
    if not isinstance(found, dict):
        raise DownError(f"{path} holds no object")
    return found
