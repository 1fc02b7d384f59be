"""Pools of explicit huge pages by NUMA node and size, from sysfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.hugepages import FILES, RESERVED
from argus_agent.cycle import Cycle, NoData
from argus_agent.reading import read_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class Hugepages:
    """Sizes are named as the kernel does, in kB: ``1048576kB``."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield pages by NUMA node and size."""
        pools = sorted((cycle.host.sysfs / "devices/system/node").glob("node[0-9]*/hugepages/hugepages-*"))
        sizes = sorted((cycle.host.sysfs / "kernel/mm/hugepages").glob("hugepages-*"))
        if not pools and not sizes:
            raise NoData("kernel without CONFIG_HUGETLBFS")
        for pool in pools:
            labels = (pool.parent.parent.name.removeprefix("node"), pool.name.removeprefix("hugepages-"))
            for name, metric in FILES.items():
                pages = read_number(cycle, pool / name)
                if pages is not None:
                    yield metric.sample(pages, *labels)
        for pool in sizes:
            reserved = read_number(cycle, pool / "resv_hugepages")
            if reserved is not None:
                yield RESERVED.sample(reserved, pool.name.removeprefix("hugepages-"))
