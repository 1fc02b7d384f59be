"""Three booted guests with real load on the first node: plain, pinned and throttled, on user networking."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libvirt

from stack.components.guest_image import initrd, kernel
from stack.components.guest_xml import GUESTS, QUOTA, Guest, console, disk_file, domain_xml
from stack.errors import DownError, LabError
from stack.polling import within

if TYPE_CHECKING:
    from pathlib import Path

    from stack.components.libvirtd import Libvirtd
    from stack.lab import Lab

DISK_MB = 16
POOL = "<pool type='dir'><name>images</name><target><path>{path}</path></target></pool>"
UNLIMITED = -1
BOOT_SECONDS = 180  # emulated, all three at once; 15 s on two idle cores


class Guests:
    name = "guests"

    def __init__(self, node: Libvirtd) -> None:
        self._node = node
        self.needs = ("guest-image", node.name)

    def start(self, lab: Lab) -> str:
        folder = lab.folder(self.name)
        connection = libvirt.open(self._node.uri(lab))
        try:
            _make_pool(connection, folder)
            started = [guest for guest in GUESTS if self._start(lab, connection, guest, folder)]
        except libvirt.libvirtError as failure:
            raise LabError(
                f"libvirt refused a guest: {failure}", lab.processes.log(self._node.name)
            ) from None
        finally:
            connection.close()
        for guest in started:
            if not lab.wait_until(lambda guest=guest: _booted(folder, guest), BOOT_SECONDS, every=0.3):  # type: ignore[misc] # mypy cannot infer a lambda with a default
                raise LabError(f"guest {guest.name} did not boot in {BOOT_SECONDS} s", console(folder, guest))
            if guest.throttled:
                _allow(self._node.uri(lab), guest, QUOTA)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        return within(5, lambda: self._describe(lab))

    def stop(self, lab: Lab) -> None:
        """Their node kills them when it stops."""

    def _start(self, lab: Lab, connection: libvirt.virConnect, guest: Guest, folder: Path) -> bool:
        """Whether the guest had to be started."""
        domain = connection.defineXML(domain_xml(guest, kernel(lab), initrd(lab), folder))
        if domain.isActive():
            return False
        _make_disk(lab, disk_file(folder, guest, "vda", "raw"), "raw")
        _make_disk(lab, disk_file(folder, guest, "vdb", "qcow2"), "qcow2")
        console(folder, guest).unlink(missing_ok=True)
        domain.create()
        if guest.throttled:  # a boot within its quota takes minutes
            domain.setSchedulerParametersFlags({"vcpu_quota": UNLIMITED}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        return True

    def _describe(self, lab: Lab) -> str:
        try:
            connection = libvirt.open(self._node.uri(lab))
            running = {
                domain.name() for domain in connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
            }
            connection.close()
        except libvirt.libvirtError as failure:
            raise DownError(str(failure)) from None
        missing = [guest.name for guest in GUESTS if guest.name not in running]
        if missing:
            raise DownError(f"not running on {self._node.name}: {', '.join(missing)}")
        return ", ".join(f"{guest.name} ({guest.vcpus} vCPU, {guest.load})" for guest in GUESTS)


def _make_pool(connection: libvirt.virConnect, folder: Path) -> None:
    """The storage pool in which the guests' disks lie; until the node stops."""
    if not any(pool.name() == "images" for pool in connection.listAllStoragePools()):
        connection.storagePoolCreateXML(POOL.format(path=folder))


def _allow(uri: str, guest: Guest, quota: int) -> None:
    connection = libvirt.open(uri)
    try:
        domain = connection.lookupByUUIDString(guest.uuid)
        domain.setSchedulerParametersFlags({"vcpu_quota": quota}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    finally:
        connection.close()


def _booted(folder: Path, guest: Guest) -> bool:
    path = console(folder, guest)
    return path.exists() and b"GUEST-UP" in path.read_bytes()


def _make_disk(lab: Lab, path: Path, kind: str) -> None:
    if not path.exists():
        lab.command("guests", ["qemu-img", "create", "-q", "-f", kind, path, f"{DISK_MB}M"])
