"""Frequencies and thermal throttling of the node's CPUs, from sysfs.

Before Linux 5.18 an x86 CPU whose frequency is asked for is interrupted, and whoever asks sleeps for 10 ms:
1.3 s for 128 CPUs.  So some are asked in each cycle, in turn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue.node_cpufreq import GOVERNOR, LOWEST, MEAN, PACKAGE_THROTTLES, THROTTLES
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.files import numbered
from argus_agent.kernel.numbers import parse_integer
from argus_agent.reading import DRIVER_DECLINES, read_number, read_parsed, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus.catalogue.model import Sample

KILOHERTZ = 1000
ROUND_SECONDS = 60.0
"""In which every CPU is asked once, where that does not take too long."""
AT_MOST_SECONDS = 0.02
"""For asking, in one cycle."""
MAX_AGE = 600.0
LIST_SECONDS = 300.0


class _Speed(NamedTuple):
    """What a CPU said about its frequency, in hertz; ``at`` is on the monotonic clock."""

    at: float
    hertz: int | None
    governor: str


class NodeCpufreq:
    """Virtual machines have neither."""

    stats = None

    def __init__(self) -> None:
        self._cpus: list[int] = []
        self._listed_at = self._asked_at = self._counted_at = -math.inf
        self._speeds: dict[int, _Speed] = {}  # who is to be asked next comes first
        self._core: dict[int, int] = {}
        self._package: dict[int, int] = {}
        self._throttles: dict[str, dict[int, int]] = {}  # by kind, then by CPU
        self._counted: tuple[Sample, ...] = ()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield frequencies in hertz, the governors in use, and throttles since boot."""
        now = cycle.host.monotonic()
        if not self._cpus or now - self._listed_at >= LIST_SECONDS:
            self._list(cycle, now)
        if not self._cpus:
            raise NoData("sysfs has no CPUs")
        if not cycle.for_events:
            self._ask(cycle, now)
            if now - self._counted_at >= ROUND_SECONDS:
                self._counted, self._counted_at = tuple(self._count(cycle)), now
        speeds = [speed for speed in self._speeds.values() if now - speed.at < MAX_AGE]
        if not self._counted and not any(speed.hertz or speed.governor for speed in speeds):
            raise NoData("the machine tells neither frequencies nor throttling")
        yield from _of_speeds(speeds)
        yield from self._counted

    def _list(self, cycle: Cycle, now: float) -> None:
        self._cpus = numbered(f"{cycle.host.sysfs}/devices/system/cpu", "cpu")
        self._listed_at = now
        here = frozenset(self._cpus)
        self._speeds = {cpu: speed for cpu, speed in self._speeds.items() if cpu in here}

    def _ask(self, cycle: Cycle, now: float) -> None:
        """Ask the CPUs whose turn it is, new ones first."""
        share = min(1.0, (now - self._asked_at) / ROUND_SECONDS)
        turn = [cpu for cpu in self._cpus if cpu not in self._speeds] + list(self._speeds)
        for cpu in turn[: math.ceil(share * len(turn))]:
            self._speeds.pop(cpu, None)
            self._speeds[cpu] = _speed(cycle, cpu, now)
            if cycle.host.monotonic() - now > AT_MOST_SECONDS:
                break
        self._asked_at = now

    def _count(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield throttles, which each CPU of a core, or of a package, tells again."""
        self._note_places(cycle)
        cores = self._highest(cycle, "core", self._core)
        if cores:
            yield THROTTLES.sample(sum(cores.values()))._replace(at=cycle.at)
        packages = self._highest(cycle, "package", self._package)
        if packages:
            yield PACKAGE_THROTTLES.sample(sum(packages.values()))._replace(at=cycle.at)

    def _note_places(self, cycle: Cycle) -> None:
        """Note the core and package of each CPU; they stay so while it, or one beside it, is offline."""
        topology = cycle.topology()
        for siblings in topology.cores:
            core = min(self._core.get(cpu, cpu) for cpu in siblings)
            self._core.update(dict.fromkeys(siblings, core))
        self._package.update({n: cpu.package for n, cpu in topology.cpus.items() if cpu.package >= 0})

    def _highest(self, cycle: Cycle, kind: str, places: Mapping[int, int]) -> dict[int, int]:
        """Return the highest count of the CPUs of each place; an offline one has still been throttled."""
        known = self._throttles.setdefault(kind, {})
        for cpu in self._cpus:
            path = f"{_folder(cycle, cpu)}/thermal_throttle/{kind}_throttle_count"
            count = read_number(cycle, path, DRIVER_DECLINES)
            if count is not None:
                known[cpu] = count
        found: dict[int, int] = {}
        for cpu, count in known.items():
            if cpu in places:
                found[places[cpu]] = max(count, found.get(places[cpu], 0))
        return found


def _folder(cycle: Cycle, cpu: int) -> str:
    return f"{cycle.host.sysfs}/devices/system/cpu/cpu{cpu}"


def _speed(cycle: Cycle, cpu: int, now: float) -> _Speed:
    folder = f"{_folder(cycle, cpu)}/cpufreq"
    hertz = read_parsed(cycle, f"{folder}/scaling_cur_freq", parse_hertz, DRIVER_DECLINES)
    governor = (read_text(cycle, f"{folder}/scaling_governor", DRIVER_DECLINES) or "").strip()
    return _Speed(now, hertz, "" if governor.startswith("<") else governor)


def parse_hertz(text: str) -> int | None:
    """Return hertz for a text in kHz; ``None`` for ``<unknown>`` and 0.  Raises ``ValueError`` otherwise."""
    word = text.strip()
    if not word or word.startswith("<"):
        return None
    kilohertz = parse_integer(word)
    return kilohertz * KILOHERTZ if kilohertz > 0 else None


def _of_speeds(speeds: Iterable[_Speed]) -> Iterator[Sample]:
    hertz = [speed.hertz for speed in speeds if speed.hertz is not None]
    if hertz:
        yield MEAN.sample(sum(hertz) / len(hertz))
        yield LOWEST.sample(min(hertz))
    governors = sorted({speed.governor for speed in speeds if speed.governor})
    if governors:
        yield GOVERNOR.sample(", ".join(governors))
