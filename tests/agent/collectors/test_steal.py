"""Steal: whose waiting it is, over which time, and who tells it when libvirt does not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from argus.catalogue import allocation, guest_cpu
from argus.catalogue.model import Metric, Value, samples_of
from argus_agent.collectors.guest_cpu import GuestCpu
from argus_agent.cycle import Cycle, NoData
from argus_agent.guests import Guest, LibvirtView
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess, Role, Thread
from argus_agent.kernel.process import Stat

UUID = "guest"
QUOTA = "nr_periods 100\nnr_throttled 90\nthrottled_usec {}\n"
Values = dict[tuple[Metric, tuple[str, ...]], Value]


@dataclass
class Node:
    """One guest; ``libvirt`` and ``kernel`` are the seconds that each of its vCPUs waited, as either says."""

    folder: Path
    libvirt: list[float] | None = None
    kernel: list[float] | None = None
    now: float = 0.0
    late: float = 0.0
    pid: int = 100
    collector: GuestCpu = field(default_factory=GuestCpu)
    unread: dict[str, str] = field(default_factory=dict)

    def quota(self, group: str, stopped: float) -> None:
        """Say how long a quota of a group below the guest's stopped it, in seconds."""
        path = self.folder / group
        path.mkdir(parents=True, exist_ok=True)
        (path / "cpu.stat").write_text(QUOTA.format(round(stopped * 1e6)))

    def process(self) -> GuestProcess:
        delays = self.kernel or []
        threads = [
            Thread(200 + n, Role.VCPU, 1.0, delay, 1, processor=0, vcpu=n) for n, delay in enumerate(delays)
        ]
        stat = Stat("qemu", "S", 1, 0, 0.0, 0.0, len(threads), 1, 1, 0)
        guest = RunningGuest("g", UUID, self.pid, "running", "booted", {})
        folders: dict[str, str | None] = {"cpu": str(self.folder)}
        return GuestProcess(guest, stat, {}, tuple(threads), folders, read_at=self.now)

    def told(self, seconds: float, *, silent: bool = False) -> Values:
        """What a tick tells ``seconds`` after the one before; ``silent``: libvirtd does not answer."""
        self.now += seconds
        waited = {f"vcpu.{n}.delay": delay * 1e9 for n, delay in enumerate(self.libvirt or [])}
        count = {"vcpu.maximum": len(self.libvirt)} if self.libvirt is not None else {}
        guest = Guest(UUID, "g", 1, {"state.state": 1, **count, **waited}, read_at=self.now + self.late)
        view = LibvirtView(up=not silent, guests=None if silent else (guest,), at=self.now)
        host = Host("n", Path("/proc"), Path("/sys"), monotonic=lambda: self.now)
        running = (self.process(),) if self.kernel is not None else ()
        cycle = Cycle(host, 1e9 + self.now, view, running=lambda: running, unread=self.unread)
        return {(s.metric, s.labels): s.value for s in samples_of(self.collector.collect(cycle))}

    def steals(self, seconds: float, *, silent: bool = False) -> list[Value]:
        """The steal of each vCPU of which it is known."""
        told = self.told(seconds, silent=silent)
        return [value for (metric, _), value in told.items() if metric is guest_cpu.VCPU_STEAL]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_where_libvirt_tells_no_delay_the_kernel_does(node: Node) -> None:
    node.libvirt, node.kernel = [], [0.0, 0.0]
    node.told(15)
    node.kernel = [1.5, 12.0]
    assert node.steals(15) == [pytest.approx(0.1), pytest.approx(0.8)]


def test_a_guest_whose_qemu_hangs_has_steal_and_so_has_its_node(node: Node) -> None:
    node.libvirt, node.kernel = [0.0], [100.0]
    node.told(15)
    node.libvirt, node.kernel = None, [106.0]
    told = node.told(15)
    assert told[guest_cpu.STEAL_MAX, (UUID,)] == pytest.approx(0.4)
    assert told[allocation.STEAL_MAX, ()] == pytest.approx(0.4)


def test_while_libvirtd_is_silent_steal_goes_on(node: Node) -> None:
    node.libvirt, node.kernel = [0.0], [100.0]
    node.told(15)
    node.kernel = [107.5]
    assert node.steals(15, silent=True) == [pytest.approx(0.5)]
    node.kernel = None
    with pytest.raises(NoData, match="libvirt does not answer"):
        node.told(15, silent=True)


def test_two_sources_are_never_in_one_difference_and_no_time_is_told_twice(node: Node) -> None:
    node.libvirt, node.kernel = [0.0], [1000.0]
    node.told(15)
    node.libvirt, node.kernel = None, [1015.0]
    assert node.steals(15) == [1]
    node.libvirt, node.kernel = [15.0], [1015.0]
    assert node.steals(15) == [0], "the waiting of the time before was told"
    node.libvirt = [22.5]
    assert node.steals(15) == [pytest.approx(0.5)]


def test_steal_covers_ticks_in_which_nobody_told(node: Node) -> None:
    node.libvirt = [0.0]
    node.told(15)
    node.libvirt = None
    assert node.steals(15) == []
    node.libvirt = [15.0]
    assert node.steals(15) == [pytest.approx(0.5)]


def test_another_run_of_the_guest_begins_anew(node: Node) -> None:
    node.libvirt, node.kernel = [], [5.0]
    node.told(15)
    node.pid, node.kernel = 101, [9.0]
    assert node.steals(15) == []


def test_a_steady_load_is_steady_however_late_libvirt_answers(node: Node) -> None:
    node.libvirt = [0.0]
    node.told(15)
    for late in (4.6, 0.1, 4.6):
        node.late = late
        node.libvirt = [0.6 * (node.now + 15 + late - 15)]
        assert node.steals(15) == [pytest.approx(0.6, abs=0.001)]


def test_what_stopped_the_whole_guest_is_shared_by_what_each_vcpu_waited(node: Node) -> None:
    node.libvirt, node.kernel = [0.0] * 4, [0.0] * 4
    node.quota(".", 0)
    node.told(10)
    node.libvirt = [7.0, 0.0, 0.0, 1.0]
    node.quota(".", 6.4)
    assert node.steals(10) == [pytest.approx(0.14), 0, 0, pytest.approx(0.02)]


def test_a_quota_of_one_vcpu_is_its_own_and_only_the_rest_is_shared(node: Node) -> None:
    node.libvirt, node.kernel = [0.0, 0.0], [0.0, 0.0]
    node.quota(".", 0)
    node.quota("libvirt/vcpu0", 0)
    node.told(10)
    node.libvirt = [7.0, 3.0]
    node.quota(".", 3.0)
    node.quota("libvirt/vcpu0", 5.0)
    assert node.steals(10) == [pytest.approx((7 - 5 - 3 * 2 / 5) / 10), pytest.approx((3 - 3 * 3 / 5) / 10)]


def test_a_guest_with_a_quota_is_followed_while_it_does_not_wait(node: Node) -> None:
    node.libvirt, node.kernel = [0.0], [0.0]
    node.quota(".", 0)
    node.told(10)
    node.quota(".", 5.0)  # stopped its emulator, for which no vCPU waited
    assert node.steals(10) == [0]
    node.libvirt = [8.0]
    assert node.steals(10) == [pytest.approx(0.8)]


def test_whoever_waits_a_little_is_asked_for_a_quota(node: Node) -> None:
    node.libvirt, node.kernel = [0.0], [0.0]
    node.told(10)
    node.quota(".", 100.0)
    node.libvirt = [0.2]
    assert node.steals(10) == [], "what of it is the quota's is not known yet"
    node.libvirt = [0.4]
    node.quota(".", 100.2)
    assert node.steals(10) == [pytest.approx(0, abs=1e-9)]


def test_a_thread_that_is_no_vcpu_is_nobodys_steal(node: Node) -> None:
    node.libvirt, node.kernel = [], [0.0]
    thread = node.process().threads[0]
    emulator = replace_role(thread)
    assert emulator.vcpu is None
    running = (replace(node.process(), threads=(emulator,)),)
    host = Host("n", Path("/proc"), Path("/sys"), monotonic=lambda: 15.0)
    cycle = Cycle(host, 1e9, LibvirtView(up=False), running=lambda: running)
    assert list(samples_of(node.collector.collect(cycle))) == []


def replace_role(thread: Thread) -> Thread:
    return thread._replace(role=Role.EMULATOR, vcpu=None, delay_seconds=9.0)


def test_a_quota_that_may_not_be_read_costs_the_steal_of_its_guest_alone(node: Node) -> None:
    (node.folder / "cpu.stat").mkdir()  # as EACCES would, also for root
    node.libvirt = node.kernel = [0.0]
    node.told(0)
    node.libvirt = [5.0]
    told = node.told(10)
    assert told[guest_cpu.VCPU_DELAY, (UUID, "0")] == 5.0
    assert (guest_cpu.VCPU_STEAL, (UUID, "0")) not in told, "what its own quota stopped is not known"
    assert node.unread == {UUID: "[Errno 21] Is a directory"}
