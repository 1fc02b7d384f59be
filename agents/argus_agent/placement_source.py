"""Reads what a placement is made of: threads, affinities and memory of every guest, from the kernel alone."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.guests import GuestProcess, KernelGuests
from argus_agent.kernel.process import PAGE_BYTES, read_numa_maps, status_field
from argus_agent.memory_source import numa_of_group
from argus_agent.page_walks import LARGEST_BYTES
from argus_agent.placement import Guest, Vcpu

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from argus_agent.host import Host

log = logging.getLogger(__name__)


def read_guests(
    host: Host, largest: int = LARGEST_BYTES, unread: dict[str, str] | None = None
) -> tuple[Guest, ...]:
    """Return the guests that run now, with affinities and memory by NUMA node.

    Raises ``FileNotFoundError`` when libvirt keeps no status of guests here, another ``OSError`` when it may
    not be looked at.  A guest that ends meanwhile is left out; memory is ``None`` where it cannot be read (no
    NUMA, or not allowed), and where page tables of more than ``largest`` bytes in small pages would be
    walked.  ``unread`` takes what is there and could not be read, and why, by UUID or status file.
    """
    found = []
    missed = {} if unread is None else unread
    kernel = KernelGuests(host.rundir / "qemu", host.procfs)
    for process in kernel.read():
        try:
            affinities = read_affinities(host.procfs, process)
        except (OSError, ValueError, KeyError) as error:
            log.debug("guest %s is left out: %s", process.guest.name, error)
            if not (isinstance(error, OSError) and is_absence(error)):
                missed[process.guest.uuid] = str(error)
            continue
        guest = make_guest(process, affinities)
        try:
            guest = _with_memory(host, guest, process, largest)
        except (OSError, ValueError) as error:
            log.debug("memory of guest %s: %s", guest.name, error)
            if not (isinstance(error, OSError) and is_absence(error)):
                missed[guest.uuid] = f"its memory by NUMA node: {error}"
        found.append(guest)
    missed |= kernel.unread
    return tuple(found)


def read_affinities(procfs: Path, process: GuestProcess) -> dict[int, frozenset[int]]:
    """Return the CPUs that each vCPU may run on, by its number.

    Raises ``OSError`` when the guest ended, and ``KeyError`` or ``ValueError`` for a file of another form.
    """
    tasks = f"{procfs}/{process.guest.pid}/task"
    return {
        thread.vcpu: _affinity(f"{tasks}/{thread.tid}/status")
        for thread in process.threads
        if thread.vcpu is not None
    }


def _affinity(path: str) -> frozenset[int]:
    allowed = status_field(read(path), "Cpus_allowed_list")
    if allowed is None:
        raise KeyError(f"{path} has no Cpus_allowed_list")
    return parse_cpulist(allowed)


def make_guest(process: GuestProcess, affinities: Mapping[int, frozenset[int]]) -> Guest:
    """Return the guest; a vCPU whose affinity is not known, as it was plugged just now, is left out."""
    vcpus = [
        Vcpu(thread.vcpu, thread.processor, affinities[thread.vcpu])
        for thread in process.threads
        if thread.processor is not None and thread.vcpu is not None and thread.vcpu in affinities
    ]
    ordered = tuple(sorted(vcpus, key=lambda vcpu: vcpu.number))
    return Guest(process.guest.name, process.guest.uuid, ordered, cells=process.guest.cells)


def _with_memory(host: Host, guest: Guest, process: GuestProcess, largest: int) -> Guest:
    memory = numa_of_group(host, process)
    if memory is not None:
        return replace(guest, memory=memory)
    if process.stat.rss_pages * PAGE_BYTES > largest or not largest:
        return guest
    maps = read_numa_maps(read(f"{host.procfs}/{process.guest.pid}/numa_maps"))
    return replace(guest, memory=maps.by_node, cell_memory=maps.by_cell or None)
