"""The agent on the lab's real libvirtd, guests and Zabbix server."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argus.catalogue import agent, guest_cpu, guest_nic, libvirt
from argus_agent.collectors import load_collectors
from argus_agent.config import Address
from argus_agent.cycle import Allocation
from argus_agent.delivery import Courier
from argus_agent.guests import LibvirtView
from argus_agent.host import Host
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.registrar import ANSWER_SECONDS, Registrar
from argus_agent.registration import Registrations
from argus_agent.runner import Result, Runner
from argus_agent.servers import Servers
from argus_agent.sinks.zabbix import Zabbix
from argus_agent.spool import MemorySpool
from argus_agent.zabbix_protocol import Value
from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

NODE = "lab-node1"
TIMEOUT = 3.0


def run_directory(lab: Lab) -> Path:
    """The first node's run directory of libvirt, which its socket is in."""
    return Path(lab.libvirt_uri.partition("socket=")[2]).parent


def new_runner(lab: Lab) -> Runner:
    host = Host(NODE, rundir=run_directory(lab))
    return Runner(host, load_collectors(), LibvirtSource(lab.libvirt_uri, TIMEOUT), Allocation())


def view(source: LibvirtSource) -> LibvirtView:
    source.start(("STATE", "CPU_TOTAL", "VCPU", "BALLOON", "INTERFACE", "BLOCK"))
    return source.finish()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def complete_cycle(lab: Lab) -> Result:
    """One in which every guest answered in time: a busy machine may need another."""
    runner = new_runner(lab)

    def cycle() -> Result | None:
        result = runner.run()
        return result if result.libvirt.complete else None

    result = lab.wait_until(cycle, 60)
    assert result is not None
    return result


def test_no_collector_fails_on_a_real_node(lab: Lab) -> None:
    runner = new_runner(lab)
    runner.run()
    failed = [s.labels for s in runner.run().samples if s.metric is agent.SUCCESS and not s.value]
    assert failed == []


def test_no_series_comes_twice(lab: Lab) -> None:
    samples = new_runner(lab).run().samples
    series = [(sample.metric.prometheus_name, sample.metric.field, sample.labels) for sample in samples]
    assert len(set(series)) == len(series)


def test_cpu_time_is_libvirts(lab: Lab) -> None:
    with lab.libvirt() as connection:
        domains = connection.listAllDomains()
        before = {domain.UUIDString(): domain.info()[4] / 1e9 for domain in domains}
        samples = complete_cycle(lab).samples
        after = {domain.UUIDString(): domain.info()[4] / 1e9 for domain in domains}
    told = {s.labels[0]: float(s.value) for s in samples if s.metric is guest_cpu.TIME}
    assert told.keys() == before.keys()
    for guest, seconds in told.items():
        # not to the millisecond: one is read from the cgroup, the other from /proc
        assert before[guest] - 1 <= seconds <= after[guest] + 1


def test_a_guests_network_counters_are_in_the_guests_direction(lab: Lab) -> None:
    """What a guest sent is what its tap received: libvirt turns them round, which may change one day."""
    samples = complete_cycle(lab).samples
    devices = {s.labels: str(s.value) for s in samples if s.metric is guest_nic.DEVICE}
    sent = {s.labels: float(s.value) for s in samples if s.metric is guest_nic.TX_BYTES}
    pid = lab.stack.processes.pid(NODE)
    rows = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]  # of libvirtd's network namespace
    taps = {name.strip(): row.split() for name, _, row in (row.partition(":") for row in rows)}
    assert devices
    for labels, device in devices.items():
        received, transmitted = float(taps[device][0]), float(taps[device][8])
        if abs(received - transmitted) > 1500:  # else the directions cannot be told apart
            assert abs(sent[labels] - received) < abs(sent[labels] - transmitted)


def test_a_hung_libvirtd_delays_no_cycle_and_is_noticed_in_each(lab: Lab) -> None:
    runner, pid = new_runner(lab), lab.stack.processes.pid(NODE)
    assert runner.run().libvirt.up
    assert pid is not None
    with stopped(pid):
        took = []
        for _ in range(4):
            begun = time.monotonic()
            result = runner.run()
            took.append(time.monotonic() - begun)
            assert not result.libvirt.up
            assert "libvirtd hangs" in result.libvirt.error
            assert [s.value for s in result.samples if s.metric is libvirt.UP] == [0]
            assert any(s.metric.field == "ksm_run" for s in result.samples)
        assert took[0] < 2 * TIMEOUT
        assert max(took[1:]) < 1, "nothing new is started while a call hangs"
    lab.wait_until(lambda: runner.run().libvirt.complete, 30)


def test_one_hung_qemu_is_not_taken_for_a_hung_libvirtd(lab: Lab) -> None:
    source = LibvirtSource(lab.libvirt_uri, TIMEOUT)
    all_of_them = lab.wait_until(lambda: view(source).guests, 30)
    assert all_of_them is not None
    pid = int((run_directory(lab) / "qemu" / "g3.pid").read_text())
    with stopped(pid):

        def noticed() -> LibvirtView | None:  # not in the first cycle, where the lab's daemon was there first
            seen = view(source)
            return seen if "QEMU hangs" in seen.error else None

        partial = lab.wait_until(noticed, 20)
        assert partial is not None
        assert partial.up
        assert partial.guests is not None
        assert {guest.state for guest in partial.guests} == {1}, "states are known all the same"

        def full() -> set[str]:
            guests = view(source).guests or ()
            return {guest.name for guest in guests if guest.number("block.0.rd.reqs") is not None}

        # On a busy machine a neighbour's answer may miss a deadline too; the hung one never answers.
        lab.wait_until(lambda: full() == {"g1", "g2"}, 20)
        lab.wait_until(lambda: view(source).unresponsive == 1, 20)
    lab.wait_until(lambda: view(source).complete, 40)


def test_a_qemu_that_hangs_for_another_client_is_not_passed_over_in_silence(lab: Lab) -> None:
    """NOWAIT leaves such a guest's values out and calls the answer complete."""
    first, second = (LibvirtSource(lab.libvirt_uri, TIMEOUT) for _ in range(2))
    lab.wait_until(lambda: view(second).complete, 30)
    with stopped(int((run_directory(lab) / "qemu" / "g3.pid").read_text())):
        view(first)  # its call, or that of the lab's daemon, waits for the guest from now on

        def is_noticed() -> bool:
            seen = view(second)
            return seen.unresponsive == 1 and not seen.complete

        lab.wait_until(is_noticed, 20)  # busy is not hung: that takes TIMEOUT / 2 to tell
    lab.wait_until(lambda: view(first).complete and view(second).complete, 40)


class Node:
    """A node that exists only here, delivering to the lab's Zabbix server."""

    def __init__(self, lab: Lab) -> None:
        self.name = f"test-{uuid.uuid4()}"
        self.spool = MemorySpool(1000)
        self.registrations = Registrations(self.name, time.time, time.monotonic)
        servers = Servers((Address(*lab.zabbix_server),), 10, time.monotonic)
        patient = Servers((Address(*lab.zabbix_server),), ANSWER_SECONDS, time.monotonic)
        registrar = Registrar(patient, self.registrations)
        self.courier = Courier(servers, self.spool, self.registrations, time.time, registrar)
        self.sink = Zabbix(self.name, self.spool, self.registrations, self.courier)

    def sent_after_a_step(self) -> int:
        self.courier.step()
        return self.courier.status().sent


@pytest.fixture
def node(lab: Lab) -> Iterator[Node]:
    made = Node(lab)
    yield made
    with lab.zabbix() as api:
        hosts = [host["hostid"] for host in api.host.get(filter={"host": made.name}, output=["hostid"])]
        if hosts:
            api.host.delete(*hosts)


def test_an_unknown_node_registers_itself_and_loses_no_value(lab: Lab, node: Node) -> None:
    runner = new_runner(lab)
    for _ in range(3):
        result = runner.run()
        node.sink.put(
            type(result)(result.at, result.samples, LibvirtView(up=False))
        )  # the guests are not its
    put = len(node.spool)  # what was measured at another time is a document of its own
    assert put >= 3
    lab.wait_until(lambda: node.sent_after_a_step() == put, 60)
    status = node.courier.status()
    assert (status.waiting, status.dropped, status.errors) == (0, 0, 0)
    with lab.zabbix() as api:
        (host,) = api.host.get(
            filter={"host": node.name},
            output=["hostid"],
            selectParentTemplates=["host"],
            selectGroups=["name"],
        )
        assert [template["host"] for template in host["parentTemplates"]] == ["Argus KVM node by trapper"]
        assert "Argus/Nodes" in [group["name"] for group in host["groups"]]


def test_a_host_that_the_server_refuses_stops_no_other(lab: Lab, node: Node) -> None:
    clock = int(time.time())
    document = json.dumps({"agent_cycle_seconds": 0.1})
    stranger = f"never-registered-{uuid.uuid4()}"
    node.spool.put([Value(stranger, "argus.guest.get", "{}", clock, 0)])
    node.spool.put([Value(node.name, "argus.node.get", document, clock, 0)])
    lab.wait_until(lambda: node.sent_after_a_step() == 1, 60)
    assert node.courier.status().dropped == 1, "nobody answers for the stranger here, so it is given up"


def test_the_daemon_stays_small(lab: Lab) -> None:
    samples = {s.metric: s.value for s in new_runner(lab).run().samples if s.metric is agent.RSS}
    assert float(samples[agent.RSS]) > 0
    pid = lab.stack.processes.pid("agent")
    rss = next(
        line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line
    )
    assert int(rss) < 45 * 1024
