"""Disks of the node, from /proc/diskstats; latency and utilisation are derived over the agent's interval."""

from __future__ import annotations

import math
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from argus.catalogue import node_block as names
from argus_agent.cycle import Cycle, Deltas, NoData
from argus_agent.derived import quotient
from argus_agent.kernel.disks import DISK, MD, MULTIPATH, Disk, read_counters, read_disks
from argus_agent.reading import DRIVER_DECLINES, looking, read_parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from argus.catalogue.model import Sample

    Numbers = Sequence[int | None]

MOST = 128
FIRST = {DISK: 0, MD: 1, MULTIPATH: 2}  # where there are too many, the others are left out
EVERY_SECONDS = 60.0
LONGEST = 250  # characters of a list of members: what Zabbix keeps of a text is 255
READS, WRITES, BUSY, QUEUED = 0, 4, 9, 10
WAITS = ((names.READ_LATENCY, 3, 0), (names.WRITE_LATENCY, 7, 4), (names.FLUSH_LATENCY, 16, 15))
"""Time and operations of each kind: their places in the line."""


class NodeBlock:
    """Keeps which disks there are, which is looked up once a minute, and their last counters.

    Loop and ram devices are none, nor are partitions and the hidden paths of an NVMe disk, which is told as
    a whole.
    """

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()
        self._disks: list[Disk] = []
        self._schedulers: dict[str, str | None] = {}
        self._unread: dict[str, str] = {}
        self._left_out = 0
        self._read_at = -math.inf
        self._known: tuple[object, frozenset[str]] = (None, frozenset())

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what each disk is, its counters, and how it did since the last tick."""
        block, look = cycle.host.sysfs / "block", looking(cycle)
        if not block.is_dir():
            raise NoData(f"{block} does not exist")
        counters = read_counters(cycle.host.procfs, block, self._disks, look)
        if self._look_up(cycle, block, frozenset(counters)) and not counters:
            counters = read_counters(cycle.host.procfs, block, self._disks, look)
        cycle.unread_files.update(self._unread)
        if self._left_out:
            yield names.LEFT_OUT.sample(self._left_out)
        self._deltas.turn(cycle)
        for disk in self._disks:
            yield from _described(disk, self._schedulers.get(disk.name))
            numbers = counters.get(disk.name)
            if numbers and disk.counted:
                yield from _counted(disk.label, numbers)
                yield from self._derived(disk, numbers)

    def _look_up(self, cycle: Cycle, block: Path, counted: frozenset[str]) -> bool:
        """Look the disks up again after a while, and at once when others are counted or wanted."""
        now, known = cycle.host.monotonic(), (cycle.storage, counted)
        if now - self._read_at < EVERY_SECONDS and known == self._known:
            return False
        unwanted = cycle.storage.ignored_disks
        found = [disk for disk in read_disks(block, looking(cycle)) if not _is_ignored(disk, unwanted)]
        found.sort(key=lambda disk: FIRST.get(disk.kind, len(FIRST)))
        self._disks, self._left_out = found[:MOST], len(found[MOST:])
        self._schedulers = {disk.name: _scheduler(cycle, block / disk.name) for disk in self._disks}
        self._unread = dict(cycle.unread_files)
        self._read_at, self._known = now, known
        return True

    def _derived(self, disk: Disk, numbers: Numbers) -> Iterator[Sample]:
        key = (disk.name, disk.label)
        grown = self._deltas.all_grown((*key, len(numbers)), numbers)
        if not _has_times(numbers):
            return
        for metric, spent, done in WAITS:
            if max(spent, done) < len(grown):
                time, count = grown[spent], grown[done]
                mean = quotient(key, time / 1000, count) if time is not None and count else None
                if mean is not None:
                    yield metric.sample(mean, disk.label)
        for metric, place, most in ((names.USED, BUSY, 1.0), (names.QUEUE_LENGTH, QUEUED, math.inf)):
            growth = self._deltas.grown((*key, place), numbers[place])
            share = quotient(key, growth.by / 1000, growth.seconds, most) if growth else None
            if share is not None:
                yield metric.sample(share, disk.label)


def _is_ignored(disk: Disk, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in (disk.name, disk.label))


def _scheduler(cycle: Cycle, folder: Path) -> str | None:
    # Since Linux 6.7 a disk that makes requests of its own (NVMe multipath) has no scheduler.
    return read_parsed(cycle, folder / "queue/scheduler", parse_scheduler, DRIVER_DECLINES)


def parse_scheduler(text: str) -> str:
    """Return the word in brackets of ``none [mq-deadline]``, or the only one; empty where there is none.

    Raises ``ValueError`` when none of several is marked.
    """
    words = text.split()
    marked = re.search(r"\[([^\[\]\s]+)\]", text)
    if marked:
        return marked[1]
    if len(words) > 1:
        raise ValueError(f"{text.strip()[:80]!r} marks none of its words with []")
    return words[0] if words else ""


def _described(disk: Disk, scheduler: str | None) -> Iterator[Sample]:
    if disk.kind != DISK:
        yield names.KIND.sample(disk.kind, disk.label)
    if disk.name != disk.label:
        yield names.KERNEL_NAME.sample(disk.name, disk.label)
    if disk.members:
        yield names.MEMBERS.sample(" ".join(disk.members)[:LONGEST], disk.label)
    if scheduler:
        yield names.SCHEDULER.sample(scheduler, disk.label)


def _counted(label: str, numbers: Numbers) -> Iterator[Sample]:
    has_times = _has_times(numbers)
    for place, (metric, scale) in names.STAT.items():
        value = numbers[place] if place < len(numbers) else None
        if value is not None and (has_times or place not in names.TIMES):
            yield metric.sample(value * scale, label)


def _has_times(numbers: Numbers) -> bool:
    """Whether times are counted: md and some of device mapper before Linux 5.10 count only operations."""
    if len(numbers) <= QUEUED:
        return False
    return bool(numbers[BUSY]) or not (numbers[READS] or numbers[WRITES])
