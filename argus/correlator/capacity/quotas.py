"""What was promised to projects against what there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.correlator.capacity.free import balances
from argus.correlator.capacity.model import MEMORY, PCPU, VCPU

if TYPE_CHECKING:
    from argus.correlator.capacity.model import Fleet

CLASSES = {"cores": (VCPU, PCPU), "ram": (MEMORY,)}  # Nova's word for it -> resource classes


@dataclass(frozen=True, slots=True)
class Promise:
    """Sum of the quotas of one resource against capacity; ``unlimited`` names projects without a limit.

    ``ratio`` is the sum of limits / capacity: above 1 not all projects can use what they were promised.
    """

    kind: str
    limit: int
    used: int
    capacity: int
    unlimited: tuple[str, ...]

    @property
    def ratio(self) -> float | None:
        """``None`` without capacity to compare with."""
        return self.limit / self.capacity if self.capacity > 0 else None


def promises(fleet: Fleet) -> tuple[Promise, ...]:
    """Return the promise of cores and of RAM; none when quotas could not be read."""
    if "quotas" in fleet.missing or not fleet.quotas:
        return ()
    balance = balances(fleet)
    found = []
    for kind, classes in CLASSES.items():
        mine = [quota for quota in fleet.quotas if quota.kind == kind]
        capacity = sum(balance[each].capacity for each in classes if each in balance)
        limits = [quota.limit for quota in mine if quota.limit is not None]
        unlimited = tuple(sorted(quota.project for quota in mine if quota.limit is None))
        found.append(Promise(kind, sum(limits), sum(quota.used for quota in mine), capacity, unlimited))
    return tuple(found)
