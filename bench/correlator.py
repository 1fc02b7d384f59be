"""Time and memory of the correlator's cycle on a large fleet: `.venv/bin/python bench/correlator.py [HOSTS]`.

Facts are made up, all else is real: the cycle with its database (SQLite in a temporary folder, or --database
URL of an empty one). Reading Zabbix is not part of it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import insert

from argus.catalogue import allocation, ksm, libvirt
from argus.correlator.facts import Facts, NodeValues, Problem
from argus.correlator.thresholds import GIB, Policy
from argus.cycle import correlate
from argus.routing.tree import everything
from argus.site import Site
from argus.store import reports, schema
from argus.store.engine import open_store
from argus.store.models import GuestRow, PlacementRow

if TYPE_CHECKING:
    from collections.abc import Callable

GUESTS_EACH = 15
HEALTHY = {
    libvirt.UP.field: 1.0,
    ksm.RUN.field: 0.0,
    allocation.VCPU_RATIO.field: 0.5,
    allocation.STEAL_MAX.field: 0.0,
    allocation.MEMORY_FREE.field: 64 * GIB,
    allocation.VCPUS_FREE.field: 16.0,
}
PAGE = 10_000


@dataclass
class Fleet:
    """Hosts with guests; some are silent, some guests have problems."""

    hosts: int
    now: float = 1_700_000_000.0
    silent_since: dict[int, float] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)

    def guest(self, number: int) -> str:
        return f"{number:08d}-0000-4000-8000-000000000000"

    def fail(self, count: int, trigger: str, first: int = 0) -> None:
        for number in range(first, first + count):
            uuid = self.guest(number)
            self.problems[uuid] = Problem(
                str(number), uuid, "Guest is paused: I/O error", 4, self.now, {}, False, False, trigger
            )

    def read(self, alive: Callable[[], None]) -> Facts:
        alive()
        nodes = tuple(
            NodeValues(f"cmp{n:05}", HEALTHY, self.silent_since.get(n, self.now)) for n in range(self.hosts)
        )
        return Facts(tuple(self.problems.values()), nodes)

    def clock(self) -> float:
        return self.now


def main() -> None:
    """Run all scenes and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("hosts", type=int, nargs="?", default=10_000)
    parser.add_argument("--database", help="URL of an empty database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(options.database or f"sqlite:///{Path(folder)}/bench.db")
        schema.upgrade(store)
        fleet = Fleet(options.hosts)
        place(store, fleet)
        site = Site(store, fleet, Policy(), {}, everything(("email:ops@example.org",)), "bench", fleet.clock)
        scenes(site, fleet)
        store.engine.dispose()


def place(store: object, fleet: Fleet) -> None:
    """Write who runs where."""
    total = fleet.hosts * GUESTS_EACH
    for start in range(0, total, PAGE):
        numbers = range(start, min(start + PAGE, total))
        with store.write() as session:  # type: ignore[attr-defined]  # the store's type needs no import here
            session.execute(
                insert(GuestRow),
                [{"uuid": fleet.guest(n), "name": f"vm-{n}", "project": f"p{n % 50}"} for n in numbers],
            )
            stays = [
                {"guest": fleet.guest(n), "node": f"cmp{n // GUESTS_EACH:05}", "since": 1.0} for n in numbers
            ]
            session.execute(insert(PlacementRow), stays)


def scenes(site: Site, fleet: Fleet) -> None:
    """A quiet fleet, many old problems, a storm among guests, a storm among hosts, and its end."""
    total = fleet.hosts * GUESTS_EACH
    cycle(site, fleet, "quiet")
    fleet.fail(total // 3, "guest_not_running")
    cycle(site, fleet, f"{total // 3} problems appear")
    cycle(site, fleet, f"{total // 3} problems stay")
    storm = total * 2 // 15
    fleet.fail(storm, "guest_broken", total // 2)
    for number in range(3):
        cycle(site, fleet, f"storm: {storm} guests crash, cycle {number + 1}")
    fleet.problems.clear()
    for number in range(12):
        cycle(site, fleet, f"they recover, cycle {number + 1}", show=number in {0, 11})
    fleet.silent_since = dict.fromkeys(range(fleet.hosts // 10), fleet.now)
    for number in range(30):
        scene = f"{len(fleet.silent_since)} hosts silent, cycle {number + 1}"
        cycle(site, fleet, scene, show=number in {6, 29})


def cycle(site: Site, fleet: Fleet, scene: str, *, show: bool = True) -> None:
    """Run one cycle and tell what it cost and how many pages were written so far."""
    fleet.now += 15
    wall, cpu = time.monotonic(), time.process_time()
    correlate(site)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    with site.store.read() as session:
        pages = sum(reports.outbox(session).by_state.values())
        active = sum(reports.counts(session, ("pending", "open")).values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if show:
        cost = f"{wall:6.2f} s  cpu {cpu:6.2f} s"
        print(f"{scene:40} {cost}  {active:6} incidents  {pages} messages  {peak:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
