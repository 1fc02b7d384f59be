"""What capacity asks of nodes beyond their plain values: what their NUMA nodes have."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from argus.catalogue import hugepages, numa
from argus.catalogue.model import lld_macro
from argus.correlator.capacity.agents import MIB, Details
from argus.correlator.capacity.model import Cell
from argus.zabbix.api import PAGE
from argus.zabbix.desired import NODES_GROUP
from argus.zabbix.groups import group_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from argus.catalogue.model import Metric
    from argus.zabbix.api import Zabbix

_CELLS: tuple[Metric, ...] = (hugepages.TOTAL, hugepages.FREE, hugepages.RESERVED, numa.TOTAL, numa.CPUS)
_PREFIXES = {metric.zabbix_key.partition("[")[0]: metric for metric in _CELLS}
_KEY = re.compile(r"(?P<prefix>[^\[]+)\[(?P<labels>[^\]]*)\]")


def read_node_details(zabbix: Zabbix, fresh: float) -> dict[str, Details]:
    """Return details by node; values from before ``fresh`` (seconds since the epoch) are left out.

    Complete, or a ``ZabbixError``.
    """
    groupid = group_ids(zabbix, (NODES_GROUP,)).get(NODES_GROUP)
    rows = zabbix.read("host.get", output=["hostid", "host"], groupids=[groupid], monitored_hosts=True)
    names = {row["hostid"]: row["host"] for row in rows}
    ids = sorted(names)
    items: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
    for start in range(0, len(ids), PAGE):
        for row in zabbix.read(
            "item.get",
            hostids=ids[start : start + PAGE],
            output=["hostid", "key_", "lastvalue", "lastclock"],
            search={"key_": [f"{prefix}[" for prefix in _PREFIXES]},
            searchByAny=True,
            startSearch=True,
            filter={"status": 0},
        ):
            if int(row["lastclock"]) >= fresh:
                items[names[row["hostid"]]].append(row)
    return {name: details(rows) for name, rows in items.items()}


def details(rows: Iterable[Mapping[str, str]]) -> Details:
    """Make details of rows of ``item.get`` of one node; a NUMA node without its memory is left out.

    Huge pages that are promised but not touched are told for the whole node; they are taken from every
    NUMA node, so that none is given away twice.
    """
    told: defaultdict[Metric, dict[tuple[str, ...], float]] = defaultdict(dict)
    for row in rows:
        if found := _KEY.fullmatch(row["key_"]):
            labels = tuple(found["labels"].split(","))
            if lld_macro("size") not in labels:  # a prototype is no item
                told[_PREFIXES[found["prefix"]]][labels] = float(row["lastvalue"])
    if not told[numa.TOTAL]:
        return Details()
    promised = {size: pages for (size,), pages in told[hugepages.RESERVED].items()}
    cells = tuple(
        Cell(
            int(number),
            {
                _kib(size): max(0, int(free - promised.get(size, 0)))
                for (where, size), free in told[hugepages.FREE].items()
                if where == number
            },
            cpus=int(told[numa.CPUS][number,]) if (number,) in told[numa.CPUS] else None,
            memory=int(total // MIB),
        )
        for (number,), total in sorted(told[numa.TOTAL].items())
    )
    pools: defaultdict[int, int] = defaultdict(int)
    for (_, size), total in told[hugepages.TOTAL].items():
        pools[_kib(size)] += int(total)
    return Details(cells, dict(pools))


def _kib(size: str) -> int:
    """``2048kB`` -> 2048."""
    return int(size.removesuffix("kB"))
