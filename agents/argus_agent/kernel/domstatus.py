"""libvirt's own record of a running guest, /run/libvirt/qemu/NAME.xml: readable when libvirtd is not there.

Written by libvirt's qemuDomainObjPrivateXMLFormat and virDomainObjFormat; not a public format, so every
element is optional here and what is missing is absent.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus_agent.kernel.domain import (
    Cell,
    Size,
    is_file_backed,
    is_hugetlb_backed,
    parse_cells,
    parse_size,
    understood,
)
from argus_agent.kernel.numbers import count

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class RunningGuest:
    """A guest as libvirt last wrote it.

    ``vcpus`` maps the number of each vCPU to its thread id, ``taps`` the MAC address of each NIC to its
    device on the node.  ``job`` is what libvirt does with the guest now: ``migration out``, ``save`` ...
    ``devices`` are what the guest holds of the node's hardware: PCI addresses (``0000:3b:02.1``), names
    of interfaces and vDPA devices.  ``machine`` and ``emulator`` are QEMU's; ``number`` is libvirt's id.
    ``cells`` are the NUMA nodes that the guest sees, none for one that sees a single
    node; ``None`` when they cannot be understood.
    """

    name: str
    uuid: str
    pid: int
    state: str
    reason: str
    vcpus: dict[int, int]
    taps: dict[str, str] = field(default_factory=dict)
    job: str = ""
    devices: frozenset[str] = frozenset()
    machine: str = ""
    emulator: str = ""
    number: int | None = None
    cells: tuple[Cell, ...] | None = ()
    size: Size = field(default_factory=Size)
    file_backed: bool = False
    hugetlb: bool = False


def parse_domstatus(text: str) -> RunningGuest | None:
    """Return the guest, or ``None`` when the file describes none that runs (no pid).

    Raises ``ValueError`` for XML that is cut off or not libvirt's.
    """
    try:
        root = ET.fromstring(text)  # noqa: S314 -- written by root's libvirtd into a directory only it can write
    except ET.ParseError as error:
        raise ValueError(f"not XML: {error}") from error
    domain = root.find("domain")
    name, uuid = (root.findtext(f"domain/{tag}", "").strip() for tag in ("name", "uuid"))
    if root.tag != "domstatus" or domain is None or not uuid:
        raise ValueError(f"no guest in <{root.tag}>: expected <domstatus> with a <domain> and its <uuid>")
    pid = count(root.get("pid"))
    if pid is None:
        return None
    numbers = ((count(v.get("id")), count(v.get("pid"))) for v in root.iterfind("vcpus/vcpu"))
    vcpus = {vcpu: thread for vcpu, thread in numbers if vcpu is not None and thread is not None}
    job = root.find("job")
    doing = job.get("async", "") if job is not None else ""
    return RunningGuest(
        name,
        uuid,
        pid,
        root.get("state", ""),
        root.get("reason", ""),
        vcpus,
        _taps(domain),
        "" if doing == "none" else doing,
        frozenset(_devices(domain)),
        _machine(domain),
        domain.findtext("devices/emulator", "").strip(),
        count(domain.get("id")),
        cells=understood(parse_cells, domain, None),
        size=understood(parse_size, domain, Size()),
        file_backed=is_file_backed(domain),
        hugetlb=is_hugetlb_backed(domain),
    )


def _machine(domain: ET.Element) -> str:
    kind = domain.find("os/type")
    return kind.get("machine", "") if kind is not None else ""


def _devices(domain: ET.Element) -> Iterator[str]:
    """PCI addresses of hostdevs, and the node's devices that a NIC has to itself (macvtap passthrough, vDPA).

    A NIC of a network has them in <actual>.  A USB device has an address too, without a slot.
    """
    for device in (*domain.iterfind("devices/hostdev"), *domain.iterfind("devices/interface")):
        for source in (*device.iterfind("source"), *device.iterfind("actual/source")):
            name = source.get("dev", "").rpartition("/")[2]
            if name and (source.get("mode") == "passthrough" or device.get("type") == "vdpa"):
                yield name
            address = source.find("address")
            if address is not None and address.get("slot"):
                yield from _pci(address)


def _pci(address: ET.Element) -> Iterator[str]:
    """The address as the kernel writes it; none where a number is not one."""
    try:
        domain, bus, slot, function = (
            int(address.get(part) or "0", 16) for part in ("domain", "bus", "slot", "function")
        )
    except ValueError:
        return
    yield f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def _taps(domain: ET.Element) -> dict[str, str]:
    """Devices on the node by MAC address; user networking has none."""
    pairs = ((nic.find("mac"), nic.find("target")) for nic in domain.iterfind("devices/interface"))
    return {
        mac.get("address", ""): target.get("dev", "")
        for mac, target in pairs
        if mac is not None and target is not None and target.get("dev")
    }
