"""Memory and allocation misses of each NUMA node, from sysfs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.numa import CPUS, DISTANCES, MEMINFO, NUMASTAT
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.files import read
from argus_agent.kernel.process import parse_counters, parse_kilobytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample


class Numa:
    """One set of samples for each /sys/devices/system/node/node*."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield bytes, pages and CPUs by NUMA node."""
        nodes = sorted((cycle.host.sysfs / "devices/system/node").glob("node[0-9]*"))
        if not nodes:
            raise NoData("kernel without CONFIG_NUMA")
        for node in nodes:
            yield from _of_node(node, node.name.removeprefix("node"))


def _of_node(node: Path, number: str) -> Iterator[Sample]:
    memory = parse_node_meminfo(read(f"{node}/meminfo"))
    for name, metric in MEMINFO.items():
        if name in memory:
            yield metric.sample(memory[name], number)
    counters = parse_counters(read(f"{node}/numastat"))
    for name, metric in NUMASTAT.items():
        if name in counters:
            yield metric.sample(counters[name], number)
    yield CPUS.sample(len(parse_cpulist(read(f"{node}/cpulist"))), number)
    with suppress(FileNotFoundError):
        yield DISTANCES.sample(read(f"{node}/distance").strip(), number)


def parse_node_meminfo(text: str) -> dict[str, int]:
    """Return bytes by field from lines such as ``Node 0 MemTotal:  6252756 kB``; counts are passed over."""
    fields = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            fields[name.split()[-1]] = parse_kilobytes(value.strip())
    return fields
