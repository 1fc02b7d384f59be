"""What the audit looks at: the node's settings from /proc and /sys, the guests' from libvirt's status files.

libvirtd is not asked, so that the audit works while it hangs.
"""

from __future__ import annotations

import logging
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.process import parse_kilobytes, parse_status
from argus_agent.kernel.topology import read_topology

if TYPE_CHECKING:
    from pathlib import Path

    from argus_agent.host import Host

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """One disk of a guest; ``limited``: it has an iotune limit."""

    target: str
    cache: str
    limited: bool


@dataclass(frozen=True, slots=True)
class GuestFacts:
    """One guest as libvirt runs it; ``affinity`` is ``None`` for a vCPU that is not pinned."""

    name: str
    memory_bytes: int
    affinity: tuple[frozenset[int] | None, ...]
    shares: int | None
    quota: int | None
    disks: tuple[DiskFacts, ...]
    nic_drivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The node; a setting is ``None`` where the kernel does not have it."""

    name: str
    cpus: frozenset[int]
    memory_bytes: int
    ksm_run: str | None
    thp_enabled: str | None
    thp_defrag: str | None
    khugepaged_defrag: str | None
    schedulers: dict[str, str]
    vhost_net: bool
    guests: tuple[GuestFacts, ...]


def read_facts(host: Host) -> NodeFacts:
    """Read everything.  Raises ``OSError`` only when /proc/meminfo or the CPU topology cannot be read."""
    memory = parse_status(host.read_proc("meminfo"))
    thp = host.sysfs / "kernel/mm/transparent_hugepage"
    return NodeFacts(
        name=host.name,
        cpus=frozenset(read_topology(host.sysfs).cpus),
        memory_bytes=parse_kilobytes(memory["MemTotal"]),
        ksm_run=_text(host.sysfs / "kernel/mm/ksm/run"),
        thp_enabled=chosen(_text(thp / "enabled")),
        thp_defrag=chosen(_text(thp / "defrag")),
        khugepaged_defrag=_text(thp / "khugepaged/defrag"),
        schedulers=_schedulers(host.sysfs / "block"),
        vhost_net=(host.sysfs / "class/misc/vhost-net").exists(),  # loaded or built in
        guests=_guests(host.rundir / "qemu"),
    )


def chosen(text: str | None) -> str | None:
    """Return the word in brackets of a setting such as ``always [madvise] never``."""
    if text is None:
        return None
    return next((word.strip("[]") for word in text.split() if word.startswith("[")), text)


def parse_guest(text: str) -> GuestFacts | None:
    """Return the facts of a status file, ``None`` when it holds no domain.  Raises ``ET.ParseError``."""
    domain = ET.fromstring(text).find("domain")  # noqa: S314 -- written by root's libvirtd, see domstatus
    if domain is None:
        return None
    return GuestFacts(
        name=domain.findtext("name", ""),
        memory_bytes=int(domain.findtext("memory", "0")) * 1024,  # libvirt always writes KiB
        affinity=_affinity(domain),
        shares=_number(domain.findtext("cputune/shares")),
        quota=_number(domain.findtext("cputune/quota")),
        disks=tuple(_disk(disk) for disk in domain.iterfind("devices/disk[@device='disk']")),
        nic_drivers=tuple(
            _nic_driver(nic) for nic in domain.iterfind("devices/interface") if not _is_past_qemu(nic)
        ),
    )


def _affinity(domain: ET.Element) -> tuple[frozenset[int] | None, ...]:
    vcpu = domain.find("vcpu")
    count = int(vcpu.text or 1) if vcpu is not None else 1
    # <vcpu cpuset=> holds for every vCPU that has no <vcpupin> of its own.
    common = vcpu.get("cpuset") if vcpu is not None else None
    pins = {pin.get("vcpu"): pin.get("cpuset", "") for pin in domain.iterfind("cputune/vcpupin")}
    lists = [pins.get(str(number), common) for number in range(count)]
    return tuple(parse_cpulist(text) if text else None for text in lists)


def _disk(disk: ET.Element) -> DiskFacts:
    target, driver = disk.find("target"), disk.find("driver")
    return DiskFacts(
        target.get("dev", "") if target is not None else "",
        driver.get("cache", "default") if driver is not None else "default",
        disk.find("iotune") is not None,
    )


def _is_past_qemu(nic: ET.Element) -> bool:
    """Whether packets go from the card to the guest (SR-IOV, vDPA): neither vhost nor QEMU moves them."""
    actual = nic.find("actual")
    kind = nic if actual is None else actual
    return kind.get("type") in ("hostdev", "vdpa")


def _nic_driver(nic: ET.Element) -> str:
    """Return ``vhost``, ``qemu`` or what <driver name=> says; virtio without one uses vhost where it can."""
    driver, model = nic.find("driver"), nic.find("model")
    if driver is not None and driver.get("name"):
        return driver.get("name", "")
    virtio = model is not None and (model.get("type") or "").startswith("virtio")
    return "vhost" if virtio and nic.get("type") != "user" else "qemu"


def _guests(rundir: Path) -> tuple[GuestFacts, ...]:
    found = []
    for path in sorted(rundir.glob("*.xml")):
        try:
            guest = parse_guest(path.read_text())
        except (FileNotFoundError, ET.ParseError) as error:  # ended, or being written just now
            log.info("guest left out of the audit: %s: %s", path, error)
            continue
        if guest is not None:
            found.append(guest)
    return tuple(found)


def _schedulers(block: Path) -> dict[str, str]:
    found = {}
    for path in sorted(block.glob("*/queue/scheduler")):
        disk = path.parent.parent
        # Without a device below it is a loop, ram or device-mapper disk: no scheduler of its own.
        if (disk / "device").exists():
            found[disk.name] = chosen(_text(path)) or "none"
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text else None
