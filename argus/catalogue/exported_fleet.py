"""Capacity for Prometheus: ``argus_fleet_*``, sums over nodes and the newest report of each fleet."""

from __future__ import annotations

from argus.catalogue import allocation
from argus.catalogue.exported import Series
from argus.catalogue.model import NODE, Kind, Metric, Unit

_SCOPE = ("fleet", "scope")
_CLASS = (*_SCOPE, "class")
_FLAVOR = (*_SCOPE, "flavor")
_BY = ("fleet", "by")


def _fleet(name: str, text: str, labels: tuple[str, ...] = ()) -> Series:
    return Series(f"argus_fleet_{name}", text, labels)


SUMMED: tuple[Metric, ...] = tuple(
    metric
    for metric in allocation.SUBSYSTEM.metrics
    if metric.kind is Kind.GAUGE and metric.entity is NODE and metric.unit is not Unit.RATIO
)
NODES, NODES_REPORTING = "nodes", "nodes_reporting"
SUMS = {
    NODES: _fleet("nodes", "Compute nodes in Zabbix."),
    NODES_REPORTING: _fleet("nodes_reporting", "Compute nodes with a recent value."),
    **{metric.field: _fleet(metric.field, f"Sum over nodes that report: {metric.help}") for metric in SUMMED},
}

CAPACITY = _fleet(
    "resource_capacity",
    "int((total - reserved) * allocation_ratio), summed over the hosts of the scope.",
    _CLASS,
)
USED = _fleet("resource_used", "Allocated, as Placement counts.", _CLASS)
HELD_TWICE = _fleet(
    "resource_held_twice",
    "The part of used that guests hold a second time (evacuations, migrations).",
    _CLASS,
)
FREE = _fleet("resource_free", "Capacity less used; below zero for a ratio that was lowered.", _CLASS)
FREE_OPEN = _fleet("resource_free_open", "What is left on hosts that take guests.", _CLASS)
STRANDED = _fleet(
    "resource_stranded", "Left on hosts that take guests, but not one more of the largest flavor.", _CLASS
)
PROMISED = _fleet("promised_ratio", "Used, of total less reserved: overcommit by allocation.", _CLASS)
HOSTS = _fleet("hosts", "Computes of the scope.", _SCOPE)
HOSTS_OPEN = _fleet("hosts_open", "Those that take guests: up, and not disabled.", _SCOPE)
HOSTS_OVER = _fleet("hosts_over_capacity", "Those that hold more than their capacity.", _SCOPE)
FITS = _fleet("flavor_fits", "How many more guests of a flavor fit now.", _FLAVOR)
MAY_FIT = _fleet(
    "flavor_may_fit",
    "How many more may fit: more than fit where nobody tells which NUMA nodes are free.",
    _FLAVOR,
)
FRAGMENTATION = _fleet(
    "flavor_fragmentation_ratio",
    "Share of the guests of a flavor that would fit if all that is left were on one host, and do not.",
    _FLAVOR,
)
STEAL = _fleet("worst_steal_ratio", "Share of time that the worst guest waits for a CPU.", _SCOPE)
CPU_STALL = _fleet(
    "worst_cpu_stall_ratio", "Share of time that a task waits for a CPU on the worst host.", _SCOPE
)
MEMORY_STALL = _fleet(
    "worst_memory_stall_ratio", "Share of time that a task waits for memory on the worst host.", _SCOPE
)
SWAP = _fleet("worst_swap_used_bytes", "Swap in use on the worst host.", _SCOPE)
BALLOONED = _fleet("worst_ballooned_bytes", "Memory that balloons hold back on the worst host.", _SCOPE)
NOISY = _fleet("noisy_neighbours", "Guests that wait because of a neighbour.", ("fleet",))
LOSSES_TRIED = _fleet("losses_tried", "Hosts or racks whose loss was tried.", _BY)
LOSSES_SHORT = _fleet("losses_short", "Those whose guests do not all fit elsewhere.", _BY)
WITHOUT_HOST = _fleet(
    "loss_guests_without_host", "Guests that find no host after the worst loss of the kind.", _BY
)
FULL = _fleet("full_in_days", "Forecast: days until full.", _CLASS)
FULL_EARLIEST = _fleet(
    "full_earliest_days", "Early end of the 90 % interval of argus_fleet_full_in_days.", _CLASS
)
FULL_LATEST = _fleet(
    "full_latest_days",
    "Late end of the 90 % interval of argus_fleet_full_in_days; absent beyond three years.",
    _CLASS,
)
QUOTA = _fleet("quota_promise_ratio", "Sum of quotas, of capacity.", ("fleet", "resource"))
DRIFT = _fleet("drift", "Disagreements of Nova, Placement and libvirt.", ("fleet", "kind"))
UNREAD = _fleet("part_unread", "Parts of a fleet that could not be read.", ("fleet", "part"))
AGE = _fleet("age_seconds", "Age of the figures of a fleet.", ("fleet",))

SERIES = (
    *SUMS.values(), CAPACITY, USED, HELD_TWICE, FREE, FREE_OPEN, STRANDED, PROMISED, HOSTS, HOSTS_OPEN,
    HOSTS_OVER, FITS, MAY_FIT, FRAGMENTATION, STEAL, CPU_STALL, MEMORY_STALL, SWAP, BALLOONED, NOISY,
    LOSSES_TRIED, LOSSES_SHORT, WITHOUT_HOST, FULL, FULL_EARLIEST, FULL_LATEST, QUOTA, DRIFT, UNREAD, AGE,
)  # fmt: skip
