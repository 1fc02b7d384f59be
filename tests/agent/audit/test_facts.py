"""What the audit reads: a guest's settings out of libvirt's status file, the node's out of sysfs."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus_agent.audit.facts import RUN_DIRECTORY, DiskFacts, GuestFacts, chosen, parse_guest, read_facts
from argus_agent.host import Host

GUEST = """<domstatus state='running' pid='1'><domain type='kvm'>
<name>web</name><memory unit='KiB'>2097152</memory><vcpu placement='static' cpuset='4-7'>2</vcpu>
<cputune><shares>512</shares><quota>60000</quota><vcpupin vcpu='0' cpuset='4'/></cputune>
<devices>
 <disk type='file' device='disk'><driver cache='none'/><target dev='vda'/>
  <iotune><total_iops_sec>300</total_iops_sec></iotune></disk>
 <disk type='file' device='disk'><target dev='vdb'/></disk>
 <disk type='file' device='cdrom'><target dev='hda'/></disk>
 <interface type='bridge'><model type='virtio'/></interface>
 <interface type='bridge'><model type='e1000'/></interface>
 <interface type='user'><model type='virtio'/></interface>
 <interface type='bridge'><model type='virtio'/><driver name='qemu'/></interface>
 <interface type='hostdev'><driver name='vfio'/></interface>
 <interface type='network'><actual type='hostdev'/><model type='e1000'/></interface>
 <interface type='vdpa'><model type='virtio'/></interface>
</devices></domain></domstatus>"""


def test_a_guest_is_read() -> None:
    assert parse_guest(GUEST) == GuestFacts(
        "web",
        2 * 2**30,
        (frozenset({4}), frozenset({4, 5, 6, 7})),
        shares=512,
        quota=60000,
        disks=(DiskFacts("vda", "none", limited=True), DiskFacts("vdb", "default", limited=False)),
        nic_drivers=("vhost", "qemu", "qemu", "qemu", "vfio", "hostdev", "vdpa"),
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [("always [madvise] never", "madvise"), ("[none] mq-deadline", "none"), ("0", "0"), (None, None)],
)
def test_the_choice_is_in_brackets(text: str | None, word: str | None) -> None:
    assert chosen(text) == word


def _tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_a_node_is_read(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:       16384 kB\n",
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0\n",
        "sys/kernel/mm/ksm/run": "0\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never\n",
        "sys/block/sda/queue/scheduler": "[mq-deadline] none\n",
        "sys/block/sda/device/model": "disk\n",
        "sys/block/loop0/queue/scheduler": "[none]\n",
        "run/qemu/web.xml": GUEST,
        "run/qemu/half.xml": GUEST[:100],
    }
    _tree(tmp_path, files)
    facts = read_facts(Host("cmp1", tmp_path / "proc", tmp_path / "sys", tmp_path / "run"))
    assert (facts.memory_bytes, facts.ksm_run, facts.thp_enabled) == (16 * 2**20, "0", "always")
    assert facts.thp_defrag is None
    assert facts.schedulers == {"sda": "mq-deadline"}
    assert [guest.name for guest in facts.guests] == ["web"]
    assert [Path(path).name for path in facts.not_seen] == ["half.xml"]


def test_what_may_not_be_read_is_named_and_not_taken_for_absent(tmp_path: Path) -> None:
    """As EACCES would; root may read everything, but nobody reads a folder."""
    files = {
        "proc/meminfo": "MemTotal:       16384 kB\n",
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0\n",
        "sys/block/sda/device/model": "disk\n",
        "run/qemu/odd.xml": GUEST.replace("2097152", "much"),
        "run/qemu/web.xml": GUEST,
    }
    _tree(tmp_path, files)
    for name in ("sys/kernel/mm/ksm/run", "sys/block/sda/queue/scheduler", "run/qemu/closed.xml"):
        (tmp_path / name).mkdir(parents=True)
    facts = read_facts(Host("cmp1", tmp_path / "proc", tmp_path / "sys", tmp_path / "run"))
    assert (facts.ksm_run, facts.schedulers) == (None, {"sda": None})
    assert {str(Path(path).relative_to(tmp_path)) for path in facts.not_seen} == {
        "sys/kernel/mm/ksm/run",
        "sys/block/sda/queue/scheduler",
        "run/qemu/closed.xml",
        "run/qemu/odd.xml",
    }
    assert [guest.name for guest in facts.guests] == ["web"]


def test_a_node_without_a_run_directory_says_so(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemTotal:       16384 kB\n",
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0\n",
    }
    _tree(tmp_path, files)
    facts = read_facts(Host("cmp1", tmp_path / "proc", tmp_path / "sys", tmp_path / "run"))
    assert "libvirt keeps no status" in facts.missed[RUN_DIRECTORY]


def test_folders_that_may_not_be_listed_are_named_and_cost_nothing_of_guests(tmp_path: Path) -> None:
    """Nobody lists a link to itself, as with EACCES; pathlib's glob takes both for empty."""
    files = {
        "proc/meminfo": "MemTotal:       16384 kB\n",
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0\n",
        "run/qemu/web.xml": GUEST,
    }
    _tree(tmp_path, files)
    for name in ("sys/block", "sys/class/misc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(name.rpartition("/")[2])
    facts = read_facts(Host("cmp1", tmp_path / "proc", tmp_path / "sys", tmp_path / "run"))
    assert facts.vhost_net is None
    assert set(facts.unread) == {str(tmp_path / "sys/block"), str(tmp_path / "sys/class/misc/vhost-net")}
    assert not facts.missed


@pytest.mark.parametrize(
    ("nic", "driver"),
    [
        ("<interface type='hostdev'><driver name='vfio'/><model type='virtio'/></interface>", "vfio"),
        ("<interface type='hostdev'/>", "hostdev"),
        ("<interface type='network'><actual type='hostdev'/><model type='virtio'/></interface>", "hostdev"),
        ("<interface type='network'><actual type='bridge'/><model type='virtio'/></interface>", "vhost"),
        ("<interface type='vhostuser'><model type='virtio'/></interface>", "vhostuser"),
        ("<interface type='vdpa'><model type='virtio'/></interface>", "vdpa"),
        ("<interface type='direct'><model type='virtio-non-transitional'/></interface>", "vhost"),
        ("<interface type='ethernet'><model type='rtl8139'/></interface>", "qemu"),
        ("<interface type='bridge'><model type='e1000e'/></interface>", "qemu"),
        ("<interface type='udp'><model type='virtio'/></interface>", "qemu"),
        ("<interface type='bridge'><model type='of-tomorrow'/></interface>", "bridge"),
    ],
)
def test_only_what_goes_through_qemu_is_called_so(nic: str, driver: str) -> None:
    guest = parse_guest(f"<domstatus><domain><name>a</name><devices>{nic}</devices></domain></domstatus>")
    assert guest is not None
    assert guest.nic_drivers == (driver,)


@pytest.mark.parametrize(
    ("kind", "cached"), [("file", True), ("block", True), ("network", False), ("nvme", False)]
)
def test_the_page_cache_is_for_files_and_block_devices(kind: str, cached: bool) -> None:
    disk = f"<disk type='{kind}' device='disk'><driver cache='writeback'/><target dev='vda'/></disk>"
    guest = parse_guest(f"<domstatus><domain><name>a</name><devices>{disk}</devices></domain></domstatus>")
    assert guest is not None
    assert guest.disks == (DiskFacts("vda", "writeback", limited=False, page_cached=cached),)
