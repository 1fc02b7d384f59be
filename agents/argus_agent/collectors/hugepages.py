"""Pools of explicit huge pages by NUMA node and size, from sysfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.hugepages import FILES, RESERVED
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.files import listed, numbered
from argus_agent.reading import read_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample

PREFIX = "hugepages-"


class Hugepages:
    """Sizes are named as the kernel does, in kB: ``1048576kB``."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield pages by NUMA node and size."""
        nodes, of_all = (cycle.host.sysfs / place for place in ("devices/system/node", "kernel/mm/hugepages"))
        pools = [
            (str(node), size, nodes / f"node{node}/hugepages/{PREFIX}{size}")
            for node in numbered(str(nodes), "node")
            for size in _sizes(nodes / f"node{node}/hugepages")
        ]
        sizes = _sizes(of_all)
        if not pools and not sizes:
            raise NoData("kernel without CONFIG_HUGETLBFS")
        for node, size, pool in pools:
            for name, metric in FILES.items():
                pages = read_number(cycle, pool / name)
                if pages is not None:
                    yield metric.sample(pages, node, size)
        for size in sizes:
            reserved = read_number(cycle, of_all / f"{PREFIX}{size}" / "resv_hugepages")
            if reserved is not None:
                yield RESERVED.sample(reserved, size)


def _sizes(folder: Path) -> list[str]:
    return [name.removeprefix(PREFIX) for name in listed(str(folder)) if name.startswith(PREFIX)]
