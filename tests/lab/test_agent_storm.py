"""The agent on a libvirtd of its own: guests that crash or have strange names, and libvirtd is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import libvirt
import pytest
from prometheus_client.parser import text_string_to_metric_families

from argus.catalogue import (
    agent,
    allocation,
    guest_cpu,
    guest_events,
    guest_info,
    guest_job,
    guest_memory,
    guest_threads,
)
from argus.catalogue import libvirt as libvirt_metrics
from argus.catalogue.model import Metric, Unit, Value
from argus_agent.collectors import load_collectors
from argus_agent.cycle import Allocation
from argus_agent.host import Host
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.runner import Result, Runner
from tests.lab.conftest import Lab
from tests.lab.storm_node import Node, storm_node, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.own]

NOVA = "http://openstack.org/xmlns/libvirt/nova/1.1"


@pytest.fixture(scope="module")
def node(lab: Lab) -> Iterator[Node]:
    with storm_node(lab, "storm-node") as made:
        yield made


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


def failed(result: Result) -> list[tuple[str, ...]]:
    return [s.labels for s in result.samples if s.metric is agent.SUCCESS and not s.value]


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
    ['it\'s "quoted" \\ and {curly}', "größe №2 🦄", "-n", "$(reboot); 100%", "two\nlines"],
    ids=["quotes", "emoji", "dash", "shell", "newline"],
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


def test_a_clock_that_steps_back_an_hour_invents_nothing(node: Node) -> None:
    now = [time.time()]
    host = Host("storm", rundir=node.rundir, clock=lambda: now[0])
    runner = Runner(host, load_collectors(), LibvirtSource(node.uri, 10), Allocation())
    with running(node, "patient"):
        wait_for(lambda: runner.run().libvirt.complete)
        before = runner.run()
        now[0] -= 3600
        time.sleep(0.2)  # the kernel counts CPU time in hundredths of a second: without one there is no share
        after = runner.run()
    assert after.at == before.at - 3600
    assert failed(after) == []
    steady = {s.metric for s in before.samples} - {s.metric for s in after.samples}
    assert steady <= {guest_memory.AGE}, "a report that is of the future has no age"
    numbers = [s for s in after.samples if not isinstance(s.value, str)]
    assert [s for s in numbers if s.metric.unit in (Unit.RATIO, Unit.SECONDS) and float(s.value) < 0] == []


def test_while_libvirtd_is_dead_the_kernel_tells_on_and_all_comes_back_by_itself(
    node: Node, lab: Lab
) -> None:
    """The last test here: the connections of the others end with it."""
    runner = node.runner()
    domain = node.start("survivor")
    uuid_ = domain.UUIDString()
    pid = node.pid(domain)
    try:
        wait_for(lambda: (guest_cpu.TIME, (uuid_,)) in values(runner.run()))
        lab.stack.processes.stop(node.libvirtd.name, signal.SIGKILL)
        dead = wait_for(lambda: None if (seen := runner.run()).libvirt.up else seen)
        assert values(dead)[libvirt_metrics.UP, ()] == 0
        assert values(dead)[guest_threads.COUNT, (uuid_, "vcpu")] == 1
        assert (guest_cpu.TIME, (uuid_,)) not in values(dead), "what nobody told is not known"
        assert failed(dead) == []
        node.libvirtd.start(lab.stack)
        again = wait_for(lambda: seen if (seen := runner.run()).libvirt.complete else None, 60)
        assert (guest_cpu.TIME, (uuid_,)) in values(again)
        wait_for(lambda: (events := runner.run().libvirt.events) and events.listening, 60)
    finally:
        os.kill(pid, signal.SIGKILL)
