"""The lab's guests: what they are and their libvirt domain XML, with metadata as Nova writes it."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Guest:
    name: str
    title: str  # the name that its owner gave it in Nova
    flavor: str
    project: str
    vcpus: int
    memory_mb: int
    load: str  # read by guest_init.sh
    address: str = ""  # on the node's bridge; empty = user networking, which libvirt has no counters for
    throttled: bool = False

    @property
    def uuid(self) -> str:
        """Shaped as Nova's are (version 4), yet always the same."""
        return str(
            uuid.UUID(bytes=hashlib.sha256(f"argus-lab {self.name}".encode()).digest()[:16], version=4)
        )


PERIOD = 100_000  # microseconds
QUOTA = 8_000  # of each vCPU in a period

# Four vCPUs: more than the two cores of a small machine. What they burn is bounded, since the tests want
# those cores: g1 and g3 work a twentieth of the time; g2 wants all it can get, and gets QUOTA of one core.
GUESTS = (
    Guest("g1", "web-1", "m1.tiny", "shop", 1, 96, "cpu5,disk,net", address="10.77.0.11"),
    Guest(
        "g2",
        'db "primary" & <größe> №2',
        "c1.pinned",
        "shop",
        2,
        128,
        "cpu100,disk,net,memory",
        address="10.77.0.12",
        throttled=True,
    ),
    Guest("g3", "ci runner", "m1.tiny", "build", 1, 96, "cpu5,disk"),
)


def domain_xml(guest: Guest, kernel: Path, initrd: Path, folder: Path) -> str:
    """The domain for virDomainDefineXML; disks and console log lie in `folder`."""
    arguments = f"console=ttyS0 quiet panic=1 load={guest.load} address={guest.address or 'none'}"
    return f"""\
<domain type='qemu'>
  <name>{guest.name}</name>
  <uuid>{guest.uuid}</uuid>
  {_metadata(guest)}
  <memory unit='MiB'>{guest.memory_mb}</memory>
  <vcpu placement='static'>{guest.vcpus}</vcpu>
  {_limits(guest) if guest.throttled else ""}
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{escape(str(kernel))}</kernel>
    <initrd>{escape(str(initrd))}</initrd>
    <cmdline>{escape(arguments)}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model fallback='allow'>qemu64</model></cpu>
  <on_crash>destroy</on_crash>
  <devices>
    {_disk(guest, folder, "vda", "raw")}
    {_disk(guest, folder, "vdb", "qcow2")}
    {_nic(guest)}
    <serial type='file'><source path={quoteattr(str(console(folder, guest)))}/></serial>
    <memballoon model='virtio'><stats period='2'/></memballoon>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
"""


def console(folder: Path, guest: Guest) -> Path:
    return folder / f"{guest.name}.console"


def disk_file(folder: Path, guest: Guest, target: str, kind: str) -> Path:
    return folder / f"{guest.name}-{target}.{kind}"


def _metadata(guest: Guest) -> str:
    """nova/virt/libvirt/config.py, LibvirtConfigGuestMetaNovaInstance, in its 1.1 namespace."""
    project, user = (uuid.uuid5(uuid.NAMESPACE_DNS, word).hex for word in (guest.project, "alice"))
    return f"""\
<metadata>
    <nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>
      <nova:package version='27.1.0'/>
      <nova:name>{escape(guest.title)}</nova:name>
      <nova:creationTime>2026-01-01 00:00:00</nova:creationTime>
      <nova:flavor name={quoteattr(guest.flavor)}>
        <nova:memory>{guest.memory_mb}</nova:memory>
        <nova:disk>1</nova:disk>
        <nova:swap>0</nova:swap>
        <nova:ephemeral>0</nova:ephemeral>
        <nova:vcpus>{guest.vcpus}</nova:vcpus>
      </nova:flavor>
      <nova:owner>
        <nova:user uuid='{user}'>alice</nova:user>
        <nova:project uuid='{project}'>{escape(guest.project)}</nova:project>
      </nova:owner>
    </nova:instance>
  </metadata>"""


def _limits(guest: Guest) -> str:
    """All vCPUs on one core, where they keep each other waiting, each with a small part of it."""
    pins = "".join(f"<vcpupin vcpu='{number}' cpuset='0'/>" for number in range(guest.vcpus))
    return f"""\
<iothreads>1</iothreads>
  <cputune>
    <shares>512</shares><period>{PERIOD}</period><quota>{QUOTA}</quota>
    {pins}<emulatorpin cpuset='0'/><iothreadpin iothread='1' cpuset='0'/>
  </cputune>
  <numatune><memory mode='strict' nodeset='0'/></numatune>"""


def _disk(guest: Guest, folder: Path, target: str, kind: str) -> str:
    """io='threads': native AIO takes 1,024 of fs.aio-max-nr for each disk."""
    limited = guest.throttled and kind == "raw"
    thread = " iothread='1'" if limited else ""
    tune = (
        "<iotune><total_bytes_sec>5242880</total_bytes_sec><total_iops_sec>300</total_iops_sec></iotune>"
        if limited
        else ""
    )
    path = quoteattr(str(disk_file(folder, guest, target, kind)))
    return f"""\
<disk type='file' device='disk'>
      <driver name='qemu' type='{kind}' cache='none' io='threads'{thread}/>
      <source file={path}/>
      <target dev='{target}' bus='virtio'/>
      {tune}
    </disk>"""


def _nic(guest: Guest) -> str:
    if not guest.address:
        return "<interface type='user'><model type='virtio'/></interface>"
    return "<interface type='bridge'><source bridge='vbr0'/><model type='virtio'/></interface>"
