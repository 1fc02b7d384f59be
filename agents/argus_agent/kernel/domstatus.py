"""libvirt's own record of a running guest, /run/libvirt/qemu/NAME.xml: readable when libvirtd is not there.

Written by libvirt's qemuDomainObjPrivateXMLFormat and virDomainObjFormat; not a public format, so every
element is optional here and what is missing is absent.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RunningGuest:
    """A guest as libvirt last wrote it.

    ``vcpus`` maps the number of each vCPU to its thread id, ``taps`` the MAC address of each NIC to its
    device on the node.  ``job`` is what libvirt does with the guest now: ``migration out``, ``save`` ...
    """

    name: str
    uuid: str
    pid: int
    state: str
    reason: str
    vcpus: dict[int, int]
    taps: dict[str, str] = field(default_factory=dict)
    job: str = ""


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
    pid = root.get("pid", "")
    if not pid.isdecimal():
        return None
    vcpus = {int(v.get("id", "")): int(v.get("pid", "")) for v in root.iterfind("vcpus/vcpu") if v.get("pid")}
    job = root.find("job")
    doing = job.get("async", "") if job is not None else ""
    return RunningGuest(
        name,
        uuid,
        int(pid),
        root.get("state", ""),
        root.get("reason", ""),
        vcpus,
        _taps(domain),
        "" if doing == "none" else doing,
    )


def _taps(domain: ET.Element) -> dict[str, str]:
    """Devices on the node by MAC address; user networking has none."""
    pairs = ((nic.find("mac"), nic.find("target")) for nic in domain.iterfind("devices/interface"))
    return {
        mac.get("address", ""): target.get("dev", "")
        for mac, target in pairs
        if mac is not None and target is not None and target.get("dev")
    }
