"""A compute node for the bench: a libvirtd of its own, and many small guests that run and do nothing."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import libvirt

from stack.components.libvirtd import Libvirtd
from stack.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.lab import Lab

STARTED_AT_ONCE = 3
# A boot sector (loaded at 0:7c00) of `cli; hlt; jmp back`: the guest runs, and costs next to nothing.
# SeaBIOS without a disk to boot from would take 0.6 % of a CPU for each guest.
BOOT_SECTOR = b"\xfa\xf4\xeb\xfc".ljust(510, b"\0") + b"\x55\xaa"
DISK_BYTES = 1 << 20


class Node:
    """Started with the bench and removed with it."""

    def __init__(self, lab: Lab, name: str = "bench") -> None:
        """``name`` tells its guests from those of another bench that runs at the same time."""
        self._lab = lab
        self._prefix = f"argus-{name}-"
        self._libvirtd = Libvirtd(f"{name}-node")

    @property
    def uri(self) -> str:
        return self._libvirtd.uri(self._lab)

    @property
    def rundir(self) -> Path:
        return self._libvirtd.folder(self._lab) / "run"

    def start(self) -> str:
        """Start libvirtd, after removing what a bench that was killed left behind.  Raises ``LabError``."""
        self.stop()
        return self._libvirtd.start(self._lab)

    def stop(self) -> None:
        self._libvirtd.stop(self._lab)
        for group in Path("/sys/fs/cgroup").glob(f"**/machine/qemu-*-{self._prefix}*.libvirt-qemu"):
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):  # in use: it is of a bench that runs elsewhere
                    Path(folder).rmdir()

    def libvirtd_pid(self) -> int:
        pid = self._lab.processes.pid(self._libvirtd.name)
        if pid is None:
            raise LabError("the bench's libvirtd has ended", self._lab.processes.log(self._libvirtd.name))
        return pid

    def guest_pids(self) -> tuple[int, ...]:
        return tuple(self._libvirtd.guest_pids(self._lab))

    def grow_to(self, count: int) -> Iterator[int]:
        """Start guests until there are ``count``; yields how many run.  Raises ``LabError``."""
        connection = libvirt.open(self.uri)
        try:
            have = connection.numOfDomains()
            with ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
                for done, _ in enumerate(
                    pool.map(lambda n: self._start(connection, n), range(have, count)), start=have + 1
                ):
                    yield done
        except libvirt.libvirtError as failure:
            raise LabError(
                f"libvirt refused a guest: {failure}", self._lab.processes.log(self._libvirtd.name)
            ) from None
        finally:
            connection.close()

    def _start(self, connection: libvirt.virConnect, number: int) -> None:
        folder = self._lab.folder("guests")
        disks = [folder / f"{number}-{disk}.raw" for disk in ("boot", "data")]
        for disk in disks:
            disk.write_bytes(BOOT_SECTOR)
            os.truncate(disk, DISK_BYTES)
        connection.createXML(domain_xml(self._prefix, number, disks), 0)


def domain_xml(prefix: str, number: int, disks: list[Path]) -> str:
    """A guest with one vCPU, 16 MiB, two disks and a tap, and metadata as Nova writes it."""
    devices = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' io='threads'/>"
        f"<source file='{disk}'/><target dev='vd{letter}' bus='virtio'/></disk>"
        for letter, disk in zip("ab", disks, strict=True)
    )
    return f"""\
<domain type='qemu'>
  <name>{prefix}{number:03}</name>
  <uuid>{uuid.uuid5(uuid.NAMESPACE_DNS, f"{number}.{prefix}")}</uuid>
  <metadata>
    <nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>
      <nova:name>vm-{number}</nova:name>
      <nova:flavor name='m1.nano'><nova:memory>16</nova:memory><nova:vcpus>1</nova:vcpus></nova:flavor>
      <nova:owner><nova:project uuid='b2'>shop</nova:project></nova:owner>
      <nova:root type='image' uuid='c3'/>
    </nova:instance>
  </metadata>
  <memory unit='MiB'>16</memory>
  <vcpu placement='static'>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model></cpu>
  <devices>
    {devices}
    <interface type='bridge'><source bridge='vbr0'/><model type='virtio'/></interface>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""
