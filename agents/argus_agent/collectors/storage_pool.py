"""Storage pools, from libvirt's slow answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import storage_pool as names
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.guests import Pool

INACTIVE, BUILDING, INACCESSIBLE = 0, 1, 4  # virStoragePoolState


class StoragePool:
    """Sizes of a pool that does not run are not its sizes."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield state and sizes by pool."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: pools are not known")
        slow = cycle.libvirt.slow
        for pool in (slow.pools if slow else None) or ():
            for sample in _of_pool(pool):
                yield sample._replace(at=cycle.when(slow.when("pools")) if slow else None)


def _of_pool(pool: Pool) -> Iterator[Sample]:
    yield names.STATE.sample(pool.state, pool.name)
    if pool.state not in (INACTIVE, BUILDING, INACCESSIBLE) and pool.capacity:
        yield names.CAPACITY.sample(pool.capacity, pool.name)
        yield names.ALLOCATION.sample(pool.allocation, pool.name)
        yield names.AVAILABLE.sample(pool.available, pool.name)
        yield names.USED.sample(pool.allocation / pool.capacity, pool.name)
