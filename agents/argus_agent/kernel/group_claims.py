"""Which control groups are a guest's own once all guests are known: what several claim is nobody's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from argus_agent.kernel.cgroup import not_own, own_groups, shared

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)


class Claim(Protocol):
    """A guest's process: the groups that it is in, those that are its own, and their directories."""

    membership: dict[str, str]
    cgroups: dict[str, str]
    folders: dict[str, str | None]


class GroupClaims:
    """Takes groups away and gives them back as guests come and go, and logs the change."""

    def __init__(self) -> None:
        self.without: dict[str, str] = {}
        """Guests that run in control groups which are not theirs alone, and which ones, by UUID."""

    def settle(self, guests: Mapping[str, Claim]) -> None:
        """Leave to each guest, by UUID, the groups that no other one claims."""
        own = {uuid: own_groups(claim.membership) for uuid, claim in guests.items()}
        twice = shared(own.values())
        without = {}
        for uuid, claim in guests.items():
            groups = {name: path for name, path in own[uuid].items() if (name, path) not in twice}
            if groups != claim.cgroups:
                claim.cgroups.clear()
                claim.cgroups.update(groups)
                claim.folders.clear()
            strange = not_own(claim.membership, groups)
            if strange is not None:
                without[uuid] = strange
        self._tell(without)
        self.without = without

    def _tell(self, without: Mapping[str, str]) -> None:
        if without and not self.without:
            uuid, path = next(iter(without.items()))
            log.warning(
                "%d guests have no control group of their own, such as %s, which is in %s: their I/O, "
                "pressure, memory and throttling are not reported",
                len(without),
                uuid,
                path,
            )
        elif self.without and not without:
            log.info("all guests have control groups of their own again")
