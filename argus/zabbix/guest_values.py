"""The newest values of guests: their size, where they run, and what they use and wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue import (
    guest_cpu,
    guest_disk,
    guest_disk_limit,
    guest_info,
    guest_memory,
    guest_nic,
    guest_throttle,
)
from argus.catalogue.model import Kind
from argus.correlator.capacity.agents import MIB, Resident
from argus.correlator.capacity.noisy import Usage
from argus.zabbix.api import PAGE, ZabbixDeniedError
from argus.zabbix.desired import GUESTS_GROUP
from argus.zabbix.groups import group_ids

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from argus.catalogue.model import Metric
    from argus.zabbix.api import Zabbix

NAMES = (guest_info.NAME, guest_info.NODE, guest_info.PROJECT_NAME)
SIZES = (*NAMES, guest_cpu.VCPUS, guest_memory.MAXIMUM)
LATENCIES = (guest_disk.READ_LATENCY, guest_disk.WRITE_LATENCY, guest_disk.FLUSH_LATENCY)
DISK = (guest_disk.READ_BYTES, guest_disk.WRITE_BYTES)
DISK_OPS = (guest_disk.READ_OPS, guest_disk.WRITE_OPS)
NET = (guest_nic.RX_BYTES, guest_nic.TX_BYTES)
PACKETS = (guest_nic.RX_PACKETS, guest_nic.TX_PACKETS)
DROPS = (guest_nic.RX_DROPS, guest_nic.TX_DROPS)
OF_PARTS = (*LATENCIES, *DISK, *DISK_OPS, *NET, *PACKETS, *DROPS, guest_disk_limit.USED)
USED = (*NAMES, guest_cpu.TIME, guest_cpu.STEAL_MAX, guest_throttle.RATIO, *OF_PARTS)
OWN_QUOTA = 0.5  # share of the periods in which its quota stops a guest, from which the quota makes it wait
OWN_LIMIT = 0.9  # share of its limit that a disk uses, from which the limit makes it wait
STALE_AFTER = 300.0  # s; a value this much older than the guest's newest is no longer sent: a disk that rests


class Value(NamedTuple):
    """A newest value in base units, and when it was measured (seconds since the epoch)."""

    value: str | float
    at: int


Values = dict["Metric", list[Value]]  # one a disk or interface


def read_residents(zabbix: Zabbix) -> list[Resident]:
    """Return every guest whose host is enabled, as its node has it.  Complete, or a ``ZabbixError``."""
    found = read_values(zabbix, hosts_of_guests(zabbix), SIZES)
    return [resident(uuid, values) for uuid, values in found.items()]


def read_usages(zabbix: Zabbix, nodes: Collection[str]) -> list[Usage]:
    """Return what the guests of some nodes use and wait for.  Complete, or a ``ZabbixError``.

    Asked for are only these guests: a large fleet has millions of values, and few nodes that hurt.
    """
    everybody = hosts_of_guests(zabbix)
    where = read_values(zabbix, everybody, (guest_info.NODE,))
    near = {name for name, values in where.items() if _text(values, guest_info.NODE) in nodes}
    found = read_values(zabbix, {i: name for i, name in everybody.items() if name in near}, USED)
    return [usage(uuid, values) for uuid, values in found.items()]


def hosts_of_guests(zabbix: Zabbix) -> dict[str, str]:
    """Return the UUIDs of guests whose hosts are enabled, by ``hostid``."""
    groupid = group_ids(zabbix, (GUESTS_GROUP,)).get(GUESTS_GROUP)
    if groupid is None:
        raise ZabbixDeniedError(
            f"{zabbix.url}: host group {GUESTS_GROUP} is missing, or the token may not read it; "
            "run `argus zabbix apply`"
        )
    rows = zabbix.read("host.get", output=["hostid", "host"], groupids=[groupid], monitored_hosts=True)
    return {row["hostid"]: row["host"] for row in rows}


def read_values(zabbix: Zabbix, hosts: Mapping[str, str], wanted: Iterable[Metric]) -> dict[str, Values]:
    """Return the newest values by guest and metric, of each disk or interface one.

    A counter's value is its rate, which Zabbix keeps.
    """
    metrics = {metric.zabbix_key.partition("[")[0]: metric for metric in wanted}
    found: dict[str, Values] = {name: {} for name in hosts.values()}
    for item in _items(zabbix, sorted(hosts), [metric.zabbix_key for metric in metrics.values()]):
        if item["lastclock"] != "0":
            metric = metrics[item["key_"].partition("[")[0]]
            text = item["lastvalue"]
            value = text if metric.kind is Kind.INFO else float(text) / metric.zabbix_scale
            mine = found[hosts[item["hostid"]]]
            mine.setdefault(metric, []).append(Value(value, int(item["lastclock"])))
    return found


def _items(zabbix: Zabbix, hostids: Sequence[str], keys: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """Yield the items of keys, and of what was discovered of the prototypes among them."""
    every = set(keys)
    parts = {key for key in every if "[" in key}
    prefixes = sorted(key.partition("[")[0] + "[" for key in parts)
    by_key = {"filter": {"key_": sorted(every - parts)}}
    by_prefix = {"search": {"key_": prefixes}, "startSearch": True, "searchByAny": True}
    for start in range(0, len(hostids), PAGE):
        for how in (by_key, by_prefix) if parts else (by_key,):
            yield from zabbix.read(
                "item.get",
                hostids=hostids[start : start + PAGE],
                output=["hostid", "key_", "lastvalue", "lastclock"],
                **how,
            )


def resident(uuid: str, values: Values) -> Resident:
    """Return a guest as its node has it."""
    vcpus, memory = _sum(values, guest_cpu.VCPUS), _sum(values, guest_memory.MAXIMUM)
    return Resident(
        uuid,
        _text(values, guest_info.NODE),
        _text(values, guest_info.NAME),
        _text(values, guest_info.PROJECT_NAME),
        None if vcpus is None else int(vcpus),
        None if memory is None else int(memory // MIB),
    )


def usage(uuid: str, values: Values) -> Usage:
    """Return what a guest uses and waits for: the sum of its disks and interfaces, its slowest disk.

    What it waits for because of its own CPU quota or disk limit is no neighbour's doing, and is left out.
    """
    newest = max((each.at for mine in values.values() for each in mine), default=0)
    now = {
        metric: fresh
        for metric, mine in values.items()
        if (fresh := [v for v in mine if metric.kind is Kind.INFO or newest - v.at <= STALE_AFTER])
    }
    waits = [float(each.value) for metric in LATENCIES for each in now.get(metric, ())]
    stopped = _sum(now, guest_throttle.RATIO) or 0.0
    limited = max((float(each.value) for each in now.get(guest_disk_limit.USED, ())), default=0.0)
    return Usage(
        uuid,
        _text(now, guest_info.NODE),
        _text(now, guest_info.NAME) or uuid,
        _text(now, guest_info.PROJECT_NAME),
        cpu=_sum(now, guest_cpu.TIME),
        disk=_sum(now, *DISK),
        disk_ops=_sum(now, *DISK_OPS),
        net=_sum(now, *NET),
        packets=_sum(now, *PACKETS),
        steal=_sum(now, guest_cpu.STEAL_MAX) if stopped < OWN_QUOTA else None,
        latency=max(waits, default=None) if limited < OWN_LIMIT else None,
        drops=_sum(now, *DROPS),
    )


def _text(values: Values, metric: Metric) -> str:
    return next((str(each.value) for each in values.get(metric, ())), "")


def _sum(values: Values, *metrics: Metric) -> float | None:
    known = [float(each.value) for metric in metrics for each in values.get(metric, ())]
    return sum(known) if known else None
