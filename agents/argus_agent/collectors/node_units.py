"""Whether the services that were asked for run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from argus.catalogue.node_units import ACTIVE
from argus_agent.cycle import NoData
from argus_agent.kernel.unit_files import Expectation, enabled, expectation
from argus_agent.kernel.units import is_managed, matches, unit_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

LOOK_AGAIN_SECONDS = 60.0


class NodeUnits:
    """Remembers what ran: a service that nobody enabled but that ran is missed when it is gone.

    A service that is healthy without a process is not told, and neither is an enabled one of which no unit
    file is found and that was never seen: nobody can say whether it should run.
    """

    stats = None

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._expected: dict[str, Expectation] = {}
        self._unread: dict[str, str] = {}
        self._looked: tuple[float, tuple[str, ...]] = (-math.inf, ())

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield 1 or 0 by service."""
        if not cycle.units or not is_managed(cycle.host):
            raise NoData("no services are to be watched, or systemd does not run this machine")
        groups = unit_groups(cycle.host, cycle.units)
        new = groups.keys() - self._seen
        self._seen |= new
        now = cycle.host.monotonic()
        if new or now - self._looked[0] >= LOOK_AGAIN_SECONDS or self._looked[1] != cycle.units:
            self._look(cycle)
            self._looked = (now, cycle.units)
        cycle.unread_files.update(self._unread)
        for unit in sorted(self._expected):
            runs = groups.get(unit, False)
            if runs or self._should_run(unit):
                yield ACTIVE.sample(int(runs), unit)

    def _should_run(self, unit: str) -> bool:
        expected = self._expected[unit]
        return expected is Expectation.RUNS or (expected is Expectation.UNKNOWN and unit in self._seen)

    def _look(self, cycle: Cycle) -> None:
        """Read which services are enabled, and what is expected of each; rarely, as files change rarely."""
        folders = (cycle.host.systemd, *cycle.host.unit_folders)
        links = {name: link for name, link in enabled(folders).items() if matches(name, cycle.units)}
        self._expected, self._unread = {}, {}
        for name in links.keys() | {name for name in self._seen if matches(name, cycle.units)}:
            try:
                expected = expectation(name, folders, links.get(name))
            except OSError as error:
                expected = Expectation.UNKNOWN
                self._unread[name] = f"unit file of {name}: {error}"
            if expected is not Expectation.RESTS:
                self._expected[name] = expected
