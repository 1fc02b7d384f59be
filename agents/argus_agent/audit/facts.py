"""What the audit looks at: the node's settings from /proc and /sys, the guests' from libvirt's status files.

libvirtd is not asked, so that the audit works while it hangs.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.kernel.files import is_absence, listed, read
from argus_agent.kernel.process import parse_kilobytes, parse_status
from argus_agent.kernel.run_directory import status_files
from argus_agent.kernel.topology import read_topology

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from argus_agent.host import Host

T = TypeVar("T")

_BESIDE_QEMU = frozenset(("hostdev", "vdpa", "vhostuser"))
"""NICs whose packets neither QEMU nor vhost_net moves: a device of its own, a switch in user space."""

_THROUGH_QEMU = frozenset(("user", "mcast", "server", "client", "udp"))
"""Networks that QEMU makes itself."""

_EMULATED = re.compile(
    r"e1000.*|i825.*|igb|8254.*|rtl8139|ne2k_.*|pcnet|vmxnet.*|usb-net|tulip|sungem|v?lance|am79c97.*"
    r"|smc91c111|lan9118|spapr-vlan",
    re.IGNORECASE,
)
"""Models of real NICs, whose registers QEMU plays (virDomainNetModelType and what QEMU offers besides)."""

RUN_DIRECTORY = "run directory"
"""Stands in ``NodeFacts.unread`` when libvirt has none: no guest was started here, or it is elsewhere."""

_NOT_PAGE_CACHED = frozenset(("network", "vhostuser", "vhostvdpa", "nvme"))
"""Types of disks that do not go through a file or block device of the node."""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """One disk of a guest; ``limited``: it has an iotune limit.

    ``page_cached``: its cache mode decides about the node's page cache, which is not so for disks that QEMU
    reaches over the network (rbd has a cache of its own) or without the kernel's block layer.
    """

    target: str
    cache: str
    limited: bool
    page_cached: bool = True


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
    """The node; a setting is ``None`` where the kernel does not have it.

    ``missed`` are guests that could not be looked at and why, ``unread`` files of the node.
    """

    name: str
    cpus: frozenset[int]
    memory_bytes: int
    ksm_run: str | None
    thp_enabled: str | None
    thp_defrag: str | None
    khugepaged_defrag: str | None
    schedulers: Mapping[str, str | None]
    vhost_net: bool | None
    guests: tuple[GuestFacts, ...]
    missed: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def not_seen(self) -> dict[str, str]:
        """Everything that could not be looked at, and why."""
        return {**self.missed, **self.unread}


def read_facts(host: Host) -> NodeFacts:
    """Read everything.  Raises ``OSError`` only when /proc/meminfo or the CPU topology cannot be read."""
    memory = parse_status(host.read_proc("meminfo"))
    unread: dict[str, str] = {}
    missed: dict[str, str] = {}
    ksm, thp = host.sysfs / "kernel/mm/ksm/run", host.sysfs / "kernel/mm/transparent_hugepage"
    return NodeFacts(
        name=host.name,
        cpus=frozenset(read_topology(host.sysfs).cpus),
        memory_bytes=parse_kilobytes(memory["MemTotal"]),
        ksm_run=_text(ksm, unread),
        thp_enabled=chosen(_text(thp / "enabled", unread)),
        thp_defrag=chosen(_text(thp / "defrag", unread)),
        khugepaged_defrag=_text(thp / "khugepaged/defrag", unread),
        schedulers=_schedulers(host.sysfs / "block", unread),
        vhost_net=_exists(host.sysfs / "class/misc/vhost-net", unread),  # loaded or built in
        guests=_guests(host.rundir / "qemu", missed),
        missed=missed,
        unread=unread,
    )


def chosen(text: str | None) -> str | None:
    """Return the word in brackets of a setting such as ``always [madvise] never``."""
    if text is None:
        return None
    return next((word.strip("[]") for word in text.split() if word.startswith("[")), text)


def parse_guest(text: str) -> GuestFacts | None:
    """Return the facts of a status file, ``None`` when it holds no domain.

    Raises ``ET.ParseError``, and ``ValueError`` for a number that is none.
    """
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
        nic_drivers=tuple(_nic_driver(nic) for nic in domain.iterfind("devices/interface")),
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
        disk.get("type") not in _NOT_PAGE_CACHED,
    )


def _nic_driver(nic: ET.Element) -> str:
    """Return who moves the packets: ``qemu``, ``vhost``, or what <driver name=> or the kind of NIC says.

    ``qemu`` is said of what is known to go through QEMU, so that a kind that is not known here is not blamed.
    libvirt uses vhost for a virtio NIC on the node's network unless it is told not to.
    """
    actual = nic.find("actual")  # what a NIC of a <network> was given
    kind = (actual if actual is not None else nic).get("type") or ""
    driver, model = nic.find("driver"), nic.find("model")
    name = driver.get("name") if driver is not None else None
    if name:
        return name
    if kind in _BESIDE_QEMU:
        return kind
    if kind in _THROUGH_QEMU or (model is not None and _EMULATED.fullmatch(model.get("type") or "")):
        return "qemu"
    virtio = model is not None and (model.get("type") or "").startswith("virtio")
    return "vhost" if virtio else kind


def _guests(rundir: Path, unread: dict[str, str]) -> tuple[GuestFacts, ...]:
    found = []
    try:
        paths = status_files(rundir)
    except FileNotFoundError as error:
        unread[RUN_DIRECTORY] = str(error)
        return ()
    except OSError as error:
        unread["guests"] = str(error)
        return ()
    for path in paths:
        try:
            guest = parse_guest(read(path))
        except (OSError, ET.ParseError, ValueError) as error:
            if not (isinstance(error, OSError) and is_absence(error)):  # else it ended just now
                unread[path] = getattr(error, "strerror", None) or str(error)
            continue
        if guest is not None:
            found.append(guest)
    return tuple(found)


def _schedulers(block: Path, unread: dict[str, str]) -> dict[str, str | None]:
    found = {}
    for name in _seen(listed, block, unread) or ():
        # Without a device below it is a loop, ram or device-mapper disk: no scheduler of its own.
        if _exists(block / name / "device", unread) and _exists(block / name / "queue/scheduler", unread):
            found[name] = chosen(_text(block / name / "queue/scheduler", unread))
    return found


def _exists(path: Path, unread: dict[str, str]) -> bool | None:
    """Whether it is there; ``None`` where that may not be known."""
    return _seen(lambda name: bool(Path(name).stat()), path, unread, absent=False)


def _text(path: Path, unread: dict[str, str]) -> str | None:
    text = _seen(read, path, unread)
    return None if text is None else text.strip()


def _seen(
    look: Callable[[str], T], path: Path, unread: dict[str, str], *, absent: T | None = None
) -> T | None:
    """Return what is seen there; ``None`` where nobody may look, ``absent`` where there is nothing."""
    try:
        return look(str(path))
    except OSError as error:
        if is_absence(error):
            return absent
        unread[str(path)] = error.strerror or str(error)
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text else None
