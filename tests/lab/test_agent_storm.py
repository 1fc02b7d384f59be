"""The agent on a libvirtd of its own: guests that crash, have strange names, and come in storms."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from xml.sax.saxutils import escape

import libvirt
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from argus.catalogue import agent, allocation, guest_events, guest_info, guest_job
from argus.catalogue.model import Metric, Value
from argus_agent.collectors import load_collectors
from argus_agent.cycle import Allocation
from argus_agent.host import Host
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.runner import Result, Runner
from stack.components.libvirtd import Libvirtd
from stack.registry import NODE1
from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

STORM = int(os.environ.get("ARGUS_STORM_GUESTS", "20"))
T = TypeVar("T")
NOVA = "http://openstack.org/xmlns/libvirt/nova/1.1"


@dataclass(frozen=True, slots=True)
class Node:
    """A libvirtd that no agent of the lab watches: its guests reach no Zabbix."""

    uri: str
    rundir: Path
    connection: libvirt.virConnect

    def runner(self) -> Runner:
        host = Host("storm", rundir=self.rundir)
        return Runner(host, load_collectors(), LibvirtSource(self.uri, 10), Allocation())

    def start(self, name: str, metadata: str = "") -> libvirt.virDomain:
        """A guest of 16 MiB that is paused before its first instruction, and gone when it ends."""
        xml = (
            f"<domain type='qemu'><name>{escape(name)}</name><uuid>{uuid.uuid4()}</uuid>"
            f"<metadata>{metadata}</metadata><memory unit='MiB'>16</memory><vcpu>1</vcpu>"
            "<os><type arch='x86_64' machine='pc'>hvm</type></os><on_crash>destroy</on_crash>"
            "<devices><memballoon model='none'/><controller type='usb' model='none'/></devices></domain>"
        )
        return self.connection.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)

    def running(self) -> set[str]:
        return {domain.UUIDString() for domain in self.connection.listAllDomains()}

    def pid(self, domain: libvirt.virDomain) -> int:
        (line,) = [
            path.read_text()
            for path in (self.rundir / "qemu").glob("*.xml")
            if domain.UUIDString() in path.read_text()
        ]
        return int(line.partition("pid='")[2].partition("'")[0])


@pytest.fixture(scope="module")
def node(lab: Lab) -> Iterator[Node]:
    libvirtd = Libvirtd("storm-node", probed_by=NODE1)
    libvirtd.start(lab.stack)
    connection = libvirt.open(libvirtd.uri(lab.stack))
    try:
        yield Node(libvirtd.uri(lab.stack), libvirtd.folder(lab.stack) / "run", connection)
    finally:
        connection.close()
        libvirtd.stop(lab.stack)


@contextmanager
def running(node: Node, name: str, metadata: str = "") -> Iterator[libvirt.virDomain]:
    domain = node.start(name, metadata)
    try:
        yield domain
    finally:
        if domain.UUIDString() in node.running():
            os.kill(node.pid(domain), signal.SIGKILL)
        wait_for(lambda: domain.UUIDString() not in node.running())


def values(result: Result) -> dict[tuple[Metric, tuple[str, ...]], Value]:
    return {(sample.metric, sample.labels): sample.value for sample in result.samples}


def nobody(result: Result) -> Result | None:
    return None if any(sample.metric.entity.of_guest for sample in result.samples) else result


def failed(result: Result) -> list[tuple[str, ...]]:
    return [s.labels for s in result.samples if s.metric is agent.SUCCESS and not s.value]


def wait_for(find: Callable[[], T | None], seconds: float = 20) -> T:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


@contextmanager
def daemon(node: Node, folder: Path) -> Iterator[str]:
    """A daemon that would measure once in ten minutes; the address of its metrics."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = folder / "agent.conf"
    conf.write_text(
        f"[DEFAULT]\ninterval = 600\nrundir = {node.rundir}\n[libvirt]\nuri = {node.uri}\n"
        f"[prometheus]\nlisten = 127.0.0.1:{port}\n"
    )
    command = [str(Path(sys.executable).parent / "argus-agent"), "--config-file", str(conf)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        process.terminate()
        process.wait(10)


def series(url: str, name: str) -> dict[str, float]:
    """Values of a metric by UUID; none while nothing can be scraped."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            text = str(reply.read(), "utf-8")
    except OSError:
        return {}
    families = text_string_to_metric_families(text)
    return {s.labels.get("uuid", ""): s.value for f in families for s in f.samples if s.name == name}


def test_a_crash_is_told_at_once_and_not_at_the_next_interval(node: Node, tmp_path: Path) -> None:
    with running(node, "crasher") as domain, daemon(node, tmp_path) as url:
        uuid_ = domain.UUIDString()
        wait_for(lambda: series(url, "argus_node_events_received_total") != {})
        # registered beside the first cycle: the first event is what proves that somebody listens
        domain.resume()
        wait_for(lambda: series(url, "argus_guest_state").get(uuid_) == 1)
        begun = time.monotonic()
        domain.suspend()
        wait_for(lambda: series(url, "argus_guest_state").get(uuid_) == 3, 10)
        assert time.monotonic() - begun < 5
        before = series(url, allocation.GUESTS.prometheus_name)[""]
        os.kill(node.pid(domain), signal.SIGKILL)
        wait_for(lambda: series(url, allocation.GUESTS.prometheus_name).get("") == before - 1, 10)


def test_a_guest_that_was_killed_is_counted_as_crashed(node: Node) -> None:
    runner = node.runner()
    hardware = "<memory unit='MiB'>16</memory><os><type>hvm</type></os>"
    domain = node.connection.defineXML(f"<domain type='qemu'><name>stays</name>{hardware}</domain>")
    try:
        wait_for(lambda: (runner.run().libvirt.events or None) and runner.run().libvirt.events)
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        os.kill(node.pid(domain), signal.SIGKILL)
        crashed = (guest_events.CRASHED, (domain.UUIDString(),))
        wait_for(lambda: values(runner.run()).get(crashed) == 1)
    finally:
        domain.undefine()


@pytest.mark.parametrize(
    "name",
    ['it\'s "quoted" \\ and {curly}', "größe №2 🦄", "-n", "$(reboot); 100%"],
    ids=["quotes", "emoji", "dash", "shell"],
)
def test_a_strange_name_is_told_as_it_is(node: Node, name: str) -> None:
    with running(node, name) as domain:
        runner = node.runner()
        runner.run()
        result = runner.run()
        assert failed(result) == []
        assert values(result)[guest_info.DOMAIN, (domain.UUIDString(),)] == name


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        (
            f"<n:instance xmlns:n='{NOVA}'><n:name>two\nlines 🦄 &quot;</n:name></n:instance>",
            'two\nlines 🦄 "',
        ),
        (f"<n:instance xmlns:n='{NOVA}'><n:flavor/><n:owner/></n:instance>", "nova-guest"),
        (f"<n:instance xmlns:n='{NOVA}'/>", "nova-guest"),
        (
            "<n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/9'><n:name/></n:instance>",
            "nova-guest",
        ),
        ("<x:other xmlns:x='urn:x'>instance</x:other>", "nova-guest"),
    ],
    ids=["newline", "hollow", "empty", "another version", "somebody else's"],
)
def test_metadata_that_nova_would_not_write_is_survived(node: Node, metadata: str, name: str) -> None:
    with running(node, "nova-guest", metadata) as domain:
        runner = node.runner()
        runner.run()
        result = runner.run()
        assert failed(result) == []
        assert values(result)[guest_info.NAME, (domain.UUIDString(),)] == name


def test_a_job_is_told_with_its_end(node: Node, tmp_path: Path) -> None:
    runner = node.runner()
    with running(node, "dumped") as domain:
        wait_for(lambda: runner.run().libvirt.events)
        domain.resume()
        assert values(runner.run())[guest_job.ACTIVE, (domain.UUIDString(),)] == 0
        domain.coreDumpWithFormat(
            str(tmp_path / "core"), libvirt.VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, libvirt.VIR_DUMP_MEMORY_ONLY
        )
        assert values(runner.run())[guest_job.ACTIVE, (domain.UUIDString(),)] == 0


def test_a_storm_of_guests_costs_no_collector_and_little_memory(node: Node) -> None:
    runner = node.runner()
    wait_for(lambda: runner.run().libvirt.events)
    before = psutil.Process().memory_info().rss
    problems: list[tuple[str, ...]] = []
    with ThreadPoolExecutor(3) as pool:
        starting = [pool.submit(node.start, f"storm-{number}") for number in range(STORM)]
        while not all(start.done() for start in starting):
            problems += failed(runner.run())
        domains = [start.result() for start in starting]
    result = runner.run()
    told = {labels[0] for metric, labels in values(result) if metric is guest_events.CRASHED}
    assert {domain.UUIDString() for domain in domains} <= told
    for pid in [node.pid(domain) for domain in domains]:
        os.kill(pid, signal.SIGKILL)
        problems += failed(runner.run())
    empty = wait_for(lambda: nobody(runner.run()), 60)
    assert values(empty)[allocation.GUESTS, ()] == 0
    assert problems == []
    assert psutil.Process().memory_info().rss - before < 30 * 2**20
