"""Per-process and per-thread files of /proc: pure parsers, each for one file.  proc(5) has the formats."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.files import read
from argus_agent.kernel.numbers import INTEGER, parse_integer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
"""Clock ticks per second, the unit of CPU time in ``stat``."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# One expression for a whole file: it is read for each guest in each cycle, and this is five times as fast as
# going by lines.
_FIELD = re.compile(r"^([^:\n]+):[ \t]*(.*\S)?", re.MULTILINE)
_COUNTER = re.compile(rf"^([^\s:]+):?[ \t]+({INTEGER})[ \t]*$", re.MULTILINE)
_KILOBYTES = re.compile(rf"^([^\s:]+):[ \t]+({INTEGER}) kB[ \t]*$", re.MULTILINE)
_NUMA_PAGES = re.compile(
    r"^(?:.* file=\S*?ram-node([0-9]{1,4})\b\S*)?.*?((?: N[0-9]{1,9}=[0-9]{1,20})+)"
    r" kernelpagesize_kB=([0-9]{1,20})(?![0-9])",
    re.MULTILINE,
)


class Stat(NamedTuple):
    """``/proc/PID/stat`` or ``/proc/PID/task/TID/stat``: CPU times in seconds, RSS in pages."""

    comm: str
    state: str
    parent: int
    major_faults: int
    user_seconds: float
    system_seconds: float
    threads: int
    start_ticks: int
    rss_pages: int
    processor: int


class Schedstat(NamedTuple):
    """``schedstat``: seconds on a CPU, seconds runnable but waiting for one, and timeslices run."""

    run_seconds: float
    delay_seconds: float
    timeslices: int


def parse_stat(text: str) -> Stat:
    """Parse ``stat``.  The name may hold spaces and parentheses: fields start after the last one.

    Raises ``ValueError`` for a truncated file (the process is gone while it was read).
    """
    head, separator, tail = text.rpartition(") ")
    fields = tail.split(None, 37)
    if not separator or len(fields) < 37:
        raise ValueError(f"stat is cut off after {len(fields)} fields")
    try:
        return Stat(  # by position: thousands are made in a cycle
            head.partition(" (")[2],
            fields[0],
            int(fields[1]),
            int(fields[9]),
            int(fields[11]) / TICKS,
            int(fields[12]) / TICKS,
            int(fields[17]),
            int(fields[19]),
            int(fields[21]),
            int(fields[36]),
        )
    except OverflowError as error:
        raise ValueError(f"stat: {error}") from error


def parse_processor(text: str) -> int:
    """Return the CPU it ran on last from ``stat``, where that is all that is wanted: a third of the time.

    Raises ``ValueError`` for a truncated file.
    """
    fields = text.rpartition(") ")[2].split(None, 37)
    if len(fields) < 37:
        raise ValueError(f"stat is cut off after {len(fields)} fields")
    return int(fields[36])


class NamedProcess:
    """A kernel thread that there is one of, found by its name once and looked for again when it is gone."""

    def __init__(self, comm: str) -> None:
        self._comm = comm
        self._pid: int | None = None
        self._looked = False

    def stat(self, procfs: Path) -> Stat | None:
        """Return its ``stat``; ``None`` when the kernel has no such thread."""
        for pid in self._candidates(procfs):
            try:
                stat = parse_stat(read(f"{procfs}/{pid}/stat"))
            except (OSError, ValueError):
                continue
            if stat.comm == self._comm:
                self._pid = pid
                return stat
        return None

    def _candidates(self, procfs: Path) -> Iterator[int]:
        if self._pid is not None:
            yield self._pid
        elif self._looked:  # it was there at boot or never will be
            return
        self._looked = True
        yield from sorted(int(path.name) for path in procfs.glob("[0-9]*") if path.name.isdecimal())


def parse_schedstat(text: str) -> Schedstat:
    """Parse ``schedstat``: three numbers, the first two in nanoseconds; further ones are passed over.

    Raises ``ValueError`` when there are fewer.
    """
    run, delay, slices = text.split(None, 3)[:3]
    try:
        return Schedstat(int(run) / 1e9, int(delay) / 1e9, int(slices))
    except OverflowError as error:
        raise ValueError(f"schedstat: {error}") from error


def parse_status(text: str) -> dict[str, str]:
    """Return the fields of ``status`` as texts: ``VmRSS`` -> ``205 kB``."""
    return dict(_FIELD.findall(text))


def status_field(text: str, name: str) -> str | None:
    """Return one field of ``status`` where that is all that is wanted: a tenth of the time."""
    _, found, rest = f"\n{text}".partition(f"\n{name}:")
    return rest.partition("\n")[0].strip() if found else None


def parse_kilobytes(text: str) -> int:
    """Return bytes for ``205 kB``.  Raises ``ValueError`` for another unit."""
    number, _, unit = text.partition(" ")
    if unit != "kB":
        raise ValueError(f"{text!r} is not in kB")
    return parse_integer(number) * 1024


def parse_rollup(text: str) -> dict[str, int]:
    """Return the sums of ``smaps_rollup`` in bytes: ``AnonHugePages``, ``Pss`` ...

    Lines of another form, such as the first with its addresses, are passed over.
    """
    return {name: int(number) * 1024 for name, number in _KILOBYTES.findall(text)}


class NumaMaps(NamedTuple):
    """Bytes by NUMA node in all mappings, and in those of each cell of a guest with virtual NUMA."""

    by_node: dict[int, int]
    by_cell: dict[int, dict[int, int]]


def read_numa_maps(text: str) -> NumaMaps:
    """Parse ``numa_maps``, huge pages counted at their size.

    Cells are told apart where their memory is made of files, which QEMU and libvirt name ``ram-node0`` and so
    on: on hugetlbfs, and with memory backed by files.
    """
    total: dict[int, int] = {}
    cells: dict[int, dict[int, int]] = {}
    for cell, pages_by_node, size in _NUMA_PAGES.findall(text):  # a mapping without pages says no size
        for word in pages_by_node.split():
            node, _, pages = word[1:].partition("=")
            held = int(pages) * int(size) * 1024
            total[int(node)] = total.get(int(node), 0) + held
            if cell:
                own = cells.setdefault(int(cell), {})
                own[int(node)] = own.get(int(node), 0) + held
    return NumaMaps(total, cells)


def parse_numa_maps(text: str) -> dict[int, int]:
    """Return bytes by NUMA node over all mappings of ``numa_maps``."""
    return read_numa_maps(text).by_node


def parse_counters(text: str) -> dict[str, int]:
    """Parse ``name value`` lines (``ksm_stat``, ``vmstat``, ``memory.events``, ``cpu.stat`` ...).

    Lines of another form (``ksm_merge_any: no``) are passed over.
    """
    return {name: int(number) for name, number in _COUNTER.findall(text)}
