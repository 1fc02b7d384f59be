"""Counts of shared cores and pinned CPUs, on a node of two cores with two hyperthreads each."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus.catalogue.model import Value
from argus_agent.collectors.placement import Placement
from argus_agent.cycle import Allocation, Cycle
from argus_agent.host import Host
from argus_agent.kernel.guests import KernelGuests

STAT = (
    "{tid} ({comm}) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 100 0 52000 "
    "0 1 1 0 0 0 0 0 0 0 0 0 0 17 {cpu} 0 0 0 0 0"
)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for cpu in range(4):
        siblings = f"{cpu % 2},{cpu % 2 + 2}\n"
        _write(tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", siblings)
    return Host("cmp1", tmp_path / "proc", tmp_path / "sys", tmp_path / "run")


def _add(host: Host, pid: int, cpu: int, allowed: str) -> None:
    """A guest of one vCPU."""
    domain = f"<domain><name>g{pid}</name><uuid>u-{pid}</uuid></domain>"
    _write(host.rundir / f"qemu/g{pid}.xml", f"<domstatus pid='{pid}'>{domain}</domstatus>")
    base = host.procfs / str(pid)
    for path, comm in ((base, "qemu"), (base / "task/1", "CPU 0/KVM")):
        _write(path / "stat", STAT.format(tid=1, comm=comm, cpu=cpu))
        _write(path / "status", f"Cpus_allowed_list:\t{allowed}\n")
    _write(base / "comm", "qemu\n")
    _write(base / "cgroup", "0::/\n")


def _collect(
    host: Host,
    reserved: frozenset[int] = frozenset(),
    collector: Placement | None = None,
    guests: KernelGuests | None = None,
) -> dict[str, Value]:
    running = (guests or KernelGuests(host.rundir / "qemu", host.procfs)).read
    cycle = Cycle(host, 0.0, allocation=Allocation(reserved_cpus=reserved), running=running)
    return {sample.metric.name: sample.value for sample in (collector or Placement()).collect(cycle)}


def test_hyperthreads_of_one_core_with_two_guests_are_a_shared_core(host: Host) -> None:
    _add(host, 10, cpu=0, allowed="0-3")
    _add(host, 11, cpu=2, allowed="0-3")
    _add(host, 12, cpu=1, allowed="0-3")
    values = _collect(host)
    assert (values["shared_cores"], values["shared_core_ratio"]) == (1, 0.5)


def test_a_guest_that_moves_is_counted_where_it_is_now(host: Host) -> None:
    _add(host, 10, cpu=0, allowed="0-3")
    _add(host, 11, cpu=1, allowed="0-3")
    collector, guests = Placement(), KernelGuests(host.rundir / "qemu", host.procfs)
    told = [_collect(host, collector=collector, guests=guests)["shared_cores"] for _ in range(2)]
    _write(host.procfs / "11/task/1/stat", STAT.format(tid=1, comm="CPU 0/KVM", cpu=2))
    told.append(_collect(host, collector=collector, guests=guests)["shared_cores"])
    assert told == [0, 0, 1]


def test_cpus_pinned_twice_and_floated_over_are_counted(host: Host) -> None:
    _add(host, 10, cpu=0, allowed="0")
    _add(host, 11, cpu=0, allowed="0")
    _add(host, 12, cpu=1, allowed="1")
    _add(host, 13, cpu=2, allowed="1-2")
    values = _collect(host)
    assert (values["pinned_twice_cpus"], values["floating_over_pinned_cpus"]) == (1, 1)


def test_guests_on_reserved_cpus_are_counted(host: Host) -> None:
    _add(host, 10, cpu=3, allowed="0-3")
    _add(host, 11, cpu=3, allowed="2-3")
    assert _collect(host, frozenset({0, 1}))["guests_on_reserved"] == 1


def test_a_node_without_guests_has_no_share(host: Host) -> None:
    (host.rundir / "qemu").mkdir(parents=True)
    host.procfs.mkdir()
    values = _collect(host)
    assert values["shared_cores"] == 0
    assert "shared_core_ratio" not in values
