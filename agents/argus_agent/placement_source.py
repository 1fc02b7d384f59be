"""Reads what a placement is made of: threads, affinities and memory of every guest, from the kernel alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.files import read
from argus_agent.kernel.guests import GuestProcess, KernelGuests, Role, Thread
from argus_agent.kernel.process import parse_numa_maps, parse_status
from argus_agent.placement import Guest, Vcpu

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from argus_agent.host import Host


def read_guests(host: Host) -> tuple[Guest, ...]:
    """Return the guests that run now, with affinities and memory by NUMA node.

    Raises ``FileNotFoundError`` when libvirt keeps no status of guests here.  A guest that ends meanwhile
    is left out; memory is ``None`` where numa_maps cannot be read (no NUMA, or not allowed).
    """
    processes = KernelGuests(host.rundir / "qemu", host.procfs).read()
    guests = make_guests(host.procfs, processes)
    pids = {process.guest.uuid: process.guest.pid for process in processes}
    return tuple(
        replace(guest, memory=_memory(host.procfs / str(pids[guest.uuid]) / "numa_maps")) for guest in guests
    )


def make_guests(procfs: Path, processes: Iterable[GuestProcess]) -> tuple[Guest, ...]:
    """Return guests with the affinities of their vCPUs, without their memory, which is dear to read."""
    return tuple(_guest(procfs, process) for process in processes)


def _guest(procfs: Path, process: GuestProcess) -> Guest:
    base = f"{procfs}/{process.guest.pid}/task"
    vcpus = (_vcpu(base, thread) for thread in process.threads if thread.role is Role.VCPU)
    ordered = sorted((vcpu for vcpu in vcpus if vcpu is not None), key=lambda vcpu: vcpu.number)
    return Guest(process.guest.name, process.guest.uuid, tuple(ordered))


def _vcpu(tasks: str, thread: Thread) -> Vcpu | None:
    try:
        status = parse_status(read(f"{tasks}/{thread.tid}/status"))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Vcpu(
        vcpu_number(thread.stat.comm), thread.stat.processor, parse_cpulist(status["Cpus_allowed_list"])
    )


def vcpu_number(comm: str) -> int:
    """Return 3 for ``CPU 3/KVM``."""
    return int(comm.removeprefix("CPU ").partition("/")[0])


def _memory(path: Path) -> dict[int, int] | None:
    try:
        return parse_numa_maps(path.read_text())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
