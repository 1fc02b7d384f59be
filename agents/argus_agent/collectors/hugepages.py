"""Pools of explicit huge pages by NUMA node and size, from sysfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.hugepages import FILES, RESERVED
from argus_agent.cycle import Cycle, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class Hugepages:
    """Sizes are named as the kernel does, in kB: ``1048576kB``."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield pages by NUMA node and size."""
        pools = sorted((cycle.host.sysfs / "devices/system/node").glob("node[0-9]*/hugepages/hugepages-*"))
        if not pools:
            raise NoData("kernel without CONFIG_HUGETLBFS, or without CONFIG_NUMA")
        for pool in pools:
            node = pool.parent.parent.name.removeprefix("node")
            size = pool.name.removeprefix("hugepages-")
            for name, metric in FILES.items():
                yield metric.sample(int((pool / name).read_text()), node, size)
        for pool in sorted((cycle.host.sysfs / "kernel/mm/hugepages").glob("hugepages-*")):
            reserved = int((pool / "resv_hugepages").read_text())
            yield RESERVED.sample(reserved, pool.name.removeprefix("hugepages-"))
