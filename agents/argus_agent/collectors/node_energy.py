"""Energy of the processors, and each guest's share of it by CPU time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from argus.catalogue.node_energy import ENERGY, GUEST_ENERGY
from argus_agent.cycle import NoData, Unreadable
from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.rapl import ZONE, Meter, Zone, labelled
from argus_agent.reading import read_number, read_parsed, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess

LOOK_AGAIN = 600.0  # seconds


class NodeEnergy:
    """Reads at ticks only: in cycles between them it tells what it told, with the time of that."""

    stats = None

    def __init__(self) -> None:
        self._zones: tuple[Zone, ...] = ()
        self._until = -math.inf
        self._full: dict[str, int | None] = {}
        self._meters: dict[str, Meter] = {}
        self._shares = Shares()
        self._told: tuple[Sample, ...] = ()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield joules by zone and by guest."""
        if not cycle.for_events:
            self._told = tuple(sample._replace(at=cycle.at) for sample in self._read(cycle))
        yield from self._told

    def _read(self, cycle: Cycle) -> Iterator[Sample]:
        self._told = ()
        self._look(cycle)
        now, used = cycle.host.monotonic(), []
        base = cycle.host.sysfs / "class/powercap"
        for zone in self._zones:
            meter = self._meters.setdefault(zone.folder, Meter())
            reading = read_number(cycle, base / zone.folder / "energy_uj")
            grown = meter.add(reading, self._full.get(zone.folder), now)
            if reading is not None:
                yield ENERGY.sample(meter.joules, zone.label)
            if zone.is_package:
                used.append(grown)
        if used:
            known = [joules for joules in used if joules is not None]
            whole = sum(known) if len(known) == len(used) else None
            yield from self._of_guests(cycle, whole, now)

    def _look(self, cycle: Cycle) -> None:
        """List the zones now and then: the driver is a module."""
        now = cycle.host.monotonic()
        if now < self._until:
            return
        base = cycle.host.sysfs / "class/powercap"
        if not base.is_dir():
            raise NoData(f"{base} does not exist: the kernel meters no energy")
        names = [
            (path.name, name.strip())
            for path in base.iterdir()
            if ZONE.fullmatch(path.name) and (name := read_text(cycle, path / "name"))
        ]
        if not names:
            raise NoData("no energy meter: the processor has none, or hides it from a virtual machine")
        self._zones = labelled(names)
        self._full = {
            zone.folder: read_number(cycle, base / zone.folder / "max_energy_range_uj")
            for zone in self._zones
        }
        self._until = now + LOOK_AGAIN

    def _of_guests(self, cycle: Cycle, joules: float | None, now: float) -> Iterator[Sample]:
        try:
            guests = cycle.running()
        except (NoData, Unreadable):  # no status files of libvirt's that this agent sees
            return
        online = read_parsed(cycle, f"{cycle.host.sysfs}/devices/system/cpu/online", parse_cpulist)
        if not online:  # a share of what is not known
            joules = None
        for uuid, share in self._shares.add(guests, joules, len(online or ()), now).items():
            yield GUEST_ENERGY.sample(share, uuid)


class Shares:
    """Joules of each guest since it was seen first; who is gone is forgotten."""

    def __init__(self) -> None:
        self._joules: dict[str, float] = {}
        self._seconds: dict[tuple[str, int, int], float] = {}  # of each run of a guest
        self._at: float | None = None
        self._known = False

    def add(
        self, guests: tuple[GuestProcess, ...], joules: float | None, cpus: int, now: float
    ) -> dict[str, float]:
        """Share out ``joules``, used since the call before by ``cpus`` CPUs; ``None``: not known.

        Empty until the energy of an interval was known once: nobody could say that a guest used none.
        """
        seconds = {_run(guest): guest.stat.user_seconds + guest.stat.system_seconds for guest in guests}
        grown = {
            run: max(0.0, total - self._seconds[run])
            for run, total in seconds.items()
            if run in self._seconds
        }
        self._joules = {guest.guest.uuid: self._joules.get(guest.guest.uuid, 0.0) for guest in guests}
        if joules is not None and self._at is not None:
            self._known = True
            # Clock ticks may give guests a little more than there was.
            possible = max(cpus * (now - self._at), sum(grown.values()))
            for run, used in grown.items():
                if used and possible:
                    self._joules[run[0]] += joules * used / possible
        self._seconds, self._at = seconds, now
        return self._joules if self._known else {}


def _run(guest: GuestProcess) -> tuple[str, int, int]:
    return guest.guest.uuid, guest.guest.pid, guest.stat.start_ticks
