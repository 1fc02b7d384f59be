"""Names for people, made from the catalogue's names by fixed rules: one vocabulary on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Kind, Unit, lld_macro

if TYPE_CHECKING:
    from argus.catalogue.model import Entity, Metric

NODE_HOST = "node"
GUEST_HOST = "guest"
CORRELATOR_HOST = "correlator"
SERVICE_HOST = "service"
FLEET_HOST = "fleet"
HOSTS = (NODE_HOST, GUEST_HOST, CORRELATOR_HOST, SERVICE_HOST, FLEET_HOST)
_TEMPLATES = {
    NODE_HOST: "Argus KVM node by trapper",
    GUEST_HOST: "Argus KVM guest by trapper",
    CORRELATOR_HOST: "Argus correlator by trapper",
    SERVICE_HOST: "Argus OpenStack service by trapper",
    FLEET_HOST: "Argus fleet by trapper",
}
# Zabbix' tag of a template for what it watches.
TARGETS = {
    NODE_HOST: "kvm",
    GUEST_HOST: "kvm",
    CORRELATOR_HOST: "argus",
    SERVICE_HOST: "openstack",
    FLEET_HOST: "openstack",
}
TITLES = {
    NODE_HOST: "KVM node",
    GUEST_HOST: "KVM guest",
    CORRELATOR_HOST: "Argus correlator",
    SERVICE_HOST: "OpenStack service",
    FLEET_HOST: "Fleet",
}

_SPELLED = {
    "alloc": "allocated", "anon": "anonymous", "api": "API", "avg1": "average of 1 minute",
    "avg5": "average of 5 minutes", "avg15": "average of 15 minutes", "cpu": "CPU", "cpus": "CPUs",
    "id": "ID",
    "io": "I/O", "iowait": "I/O wait", "irq": "IRQ", "ksm": "KSM", "libvirt": "libvirt", "nic": "NIC",
    "nics": "NICs",
    "numa": "NUMA", "oom": "OOM", "pcpu": "pCPU", "pcpus": "pCPUs", "psi": "PSI", "qemu": "QEMU",
    "rss": "RSS", "rx": "received", "shutoff": "shut off", "softirq": "soft IRQ", "thp": "THP", "tx": "sent",
    "uuid": "UUID", "uuids": "UUIDs", "vcpu": "vCPU", "vcpus": "vCPUs",
}  # fmt: skip
# What a subsystem's values are about, where its name in keys is not the word for it.
_SUBJECTS = {
    "cpufreq": "CPU frequency",
    "net": "Network",
    "process": "QEMU process",
    "vmstat": "Memory events",
}
# Last words that say by themselves that it is a time.
_TIMES = frozenset(
    {"time", "age", "latency", "duration", "downtime", "uptime", "delay", "wait", "in", "earliest", "latest"}
)


def host_of(entity: Entity) -> str:
    """Which kind of Zabbix host carries the entity."""
    return entity.host


def template_name(host: str) -> str:
    """The technical and visible name of the template."""
    return _TEMPLATES[host]


def master_key(host: str) -> str:
    """The key of the trapper item that receives the agent's JSON document."""
    return f"argus.{host}.get"


def discovery_key(entity: Entity) -> str:
    """The key of the rule that discovers the entity."""
    return f"argus.{host_of(entity)}.{entity.name}.discovery"


def words(name: str) -> str:
    """``pages_sharing`` -> ``pages sharing``; abbreviations get their usual spelling."""
    return " ".join(_SPELLED.get(word, word) for word in name.split("_"))


def sentence(name: str) -> str:
    """``words`` with a capital first letter, except where the spelling is fixed (vCPU)."""
    text = words(name)
    return text if name.split("_", maxsplit=1)[0] in _SPELLED else text[:1].upper() + text[1:]


def subject(metric: Metric) -> str:
    """What the value is about: ``KSM``, or ``Disk {#DISK}`` for a discovered entity."""
    labels = metric.entity.own_labels
    if labels:
        return " ".join(
            (sentence(metric.entity.name.removeprefix("guest_")), *(lld_macro(label) for label in labels))
        )
    return _SUBJECTS.get(metric.subsystem) or sentence(metric.subsystem)


def item_name(metric: Metric) -> str:
    """``KSM: pages sharing``, ``Disk {#DISK}: read bytes per second``: unique within its template."""
    if not metric.name:
        return subject(metric)
    return f"{subject(metric)}: {_what(metric)}"


def _what(metric: Metric) -> str:
    name = metric.name.removeprefix(f"{metric.entity.name}_")  # "Collector ksm: success"
    counter = metric.kind is Kind.COUNTER
    if metric.unit is Unit.RATIO:
        return f"{words(name.removesuffix('_ratio'))} in %"
    if metric.unit is Unit.JOULES:
        return "power" if counter else "energy"
    if metric.unit is Unit.BYTES and not counter:
        return words(name.removesuffix("_bytes"))
    if metric.unit is Unit.SECONDS:
        name = name.removesuffix("_seconds")
        return words(name if name.split("_")[-1] in _TIMES else f"{name}_time")
    # "received bytes" in Bps: the unit says the rest, and a legend has little room
    rate = counter and metric.unit is not Unit.BYTES and not metric.rare
    return words(name.removesuffix("_hertz")) + (" per second" if rate else "")


def zabbix_units(metric: Metric) -> str:
    """The unit shown in Zabbix, after ``Metric.zabbix_scale``."""
    if metric.zabbix_scale == 100:
        return "%"
    rate = metric.per_second or (metric.kind is Kind.COUNTER and not metric.rare)
    if metric.unit is Unit.BYTES:
        return "Bps" if rate else "B"
    if metric.unit is Unit.JOULES:
        return "W" if rate else "J"
    if metric.unit is Unit.SECONDS:
        return "uptime" if metric.name == "uptime_seconds" else "s"
    if metric.field.endswith("_hertz"):
        return "Hz"
    return "/s" if rate else ""
