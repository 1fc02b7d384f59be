"""Control groups of all guests together, from the kernel alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.node_cgroups import GUESTS_WITHOUT, OOM_KILLS
from argus_agent.kernel.cgroup import UNIFIED, not_own
from argus_agent.kernel.files import is_absence, read_record
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.kernel.guests import GuestProcess


class NodeCgroups:
    """Follows the groups above the guests' for as long as they exist: also while they hold no guest."""

    stats = None

    def __init__(self) -> None:
        self._kills: dict[str, int] = {}  # by directory, as told last
        self._total: int | None = None  # of all that ever were; never falls

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield how many guests have no group of their own, and processes killed below the groups above."""
        guests = cycle.running()
        yield GUESTS_WITHOUT.sample(sum(_is_without(cycle, guest) for guest in guests))
        folders = {guest.folder(cycle.host.cgroupfs, UNIFIED) for guest in guests} - {None}
        above = {str(folder).rpartition("/")[0] for folder in folders}
        self._count({group: _kills(group) for group in above | self._kills.keys()})
        if self._total is not None:
            yield OOM_KILLS.sample(self._total)

    def _count(self, now: dict[str, int | None]) -> None:
        for group, kills in now.items():
            before = self._kills.pop(group, kills)
            if kills is not None and before is not None:
                grown = kills - before if kills >= before else kills  # made anew since
                self._total = (self._total or 0) + grown
                self._kills[group] = kills


def _is_without(cycle: Cycle, guest: GuestProcess) -> bool:
    """Whether a group is not the guest's own, or is not below what is mounted here (cgroup_namespaces(7))."""
    return not_own(guest.membership, guest.cgroups) is not None or not guest.folder(
        cycle.host.cgroupfs, "cpu"
    )


def _kills(group: str) -> int | None:
    """Return the count of a group; ``None`` where it has gone, or its memory is not accounted."""
    try:
        return parse_counters(read_record(f"{group}/memory.events")).get("oom_kill")
    except OSError as error:
        if is_absence(error):
            return None
        raise
