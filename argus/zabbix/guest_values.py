"""The newest values of guests: their size, where they run, and what they use and wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import guest_cpu, guest_info, guest_memory
from argus.catalogue.model import Kind
from argus.correlator.capacity.agents import MIB, Resident
from argus.correlator.capacity.noisy import Usage
from argus.zabbix.api import PAGE, ZabbixDeniedError
from argus.zabbix.desired import GUESTS_GROUP
from argus.zabbix.groups import group_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.zabbix.api import Zabbix

_METRICS = {
    metric.zabbix_key: metric
    for metric in (
        guest_info.NAME,
        guest_info.NODE,
        guest_info.PROJECT_NAME,
        guest_cpu.VCPUS,
        guest_cpu.TIME,
        guest_cpu.STEAL_MAX,
        guest_memory.MAXIMUM,
    )
}


def read_guest_values(zabbix: Zabbix) -> dict[str, dict[str, str | float]]:
    """Return, by UUID, the newest values of guests whose hosts are enabled, by ``Metric.field``.

    A counter's value is its rate, which Zabbix keeps.  Complete, or a ``ZabbixError``.
    """
    groupid = group_ids(zabbix, (GUESTS_GROUP,)).get(GUESTS_GROUP)
    if groupid is None:
        raise ZabbixDeniedError(
            f"{zabbix.url}: host group {GUESTS_GROUP} is missing, or the token may not read it; "
            "run `argus zabbix apply`"
        )
    rows = zabbix.read("host.get", output=["hostid", "host"], groupids=[groupid], monitored_hosts=True)
    names = {row["hostid"]: row["host"] for row in rows}
    found: dict[str, dict[str, str | float]] = {name: {} for name in names.values()}
    ids = sorted(names)
    for start in range(0, len(ids), PAGE):
        for item in zabbix.read(
            "item.get",
            hostids=ids[start : start + PAGE],
            output=["hostid", "key_", "lastvalue", "lastclock"],
            filter={"key_": list(_METRICS)},
        ):
            if item["lastclock"] != "0":
                metric = _METRICS[item["key_"]]
                text = item["lastvalue"]
                value = text if metric.kind is Kind.INFO else float(text) / metric.zabbix_scale
                found[names[item["hostid"]]][metric.field] = value
    return found


def resident(uuid: str, values: Mapping[str, str | float]) -> Resident:
    """Return a guest as its node has it."""
    vcpus, memory = values.get(guest_cpu.VCPUS.field), values.get(guest_memory.MAXIMUM.field)
    return Resident(
        uuid,
        str(values.get(guest_info.NODE.field, "")),
        str(values.get(guest_info.NAME.field, "")),
        str(values.get(guest_info.PROJECT_NAME.field, "")),
        None if vcpus is None else int(float(vcpus)),
        None if memory is None else int(float(memory) // MIB),
    )


def usage(uuid: str, values: Mapping[str, str | float]) -> Usage:
    """Return what a guest uses and waits for."""
    cpu, steal = values.get(guest_cpu.TIME.field), values.get(guest_cpu.STEAL_MAX.field)
    return Usage(
        uuid,
        str(values.get(guest_info.NODE.field, "")),
        str(values.get(guest_info.NAME.field) or uuid),
        str(values.get(guest_info.PROJECT_NAME.field, "")),
        cpu=None if cpu is None else float(cpu),
        steal=None if steal is None else float(steal),
    )
