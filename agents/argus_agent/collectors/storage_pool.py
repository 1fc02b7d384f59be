"""Storage pools, from libvirt's slow answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import storage_pool as names
from argus_agent.cycle import NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

RUNNING = 2  # virStoragePoolState


class StoragePool:
    """Sizes of a pool that does not run are not its sizes."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield state and sizes by pool."""
        if cycle.libvirt.guests is None:
            raise NoData("libvirt does not answer: pools are not known")
        for pool in (cycle.libvirt.slow.pools if cycle.libvirt.slow else None) or ():
            yield names.STATE.sample(pool.state, pool.name)
            if pool.state >= RUNNING and pool.capacity:
                yield names.CAPACITY.sample(pool.capacity, pool.name)
                yield names.ALLOCATION.sample(pool.allocation, pool.name)
                yield names.AVAILABLE.sample(pool.available, pool.name)
                yield names.USED.sample(pool.allocation / pool.capacity, pool.name)
