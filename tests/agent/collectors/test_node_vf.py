"""Virtual functions: which there are, what they count, and which guest has one."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import netlink_messages as kernel
import pytest

from argus.catalogue.model import Value, samples_of
from argus.catalogue.node_vf import FUNCTIONS
from argus_agent.collectors.node_vf import NodeVf
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest, parse_domstatus
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import Stat
from argus_agent.kernel.rtnetlink import Link, parse

STAT = Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, 1, 1, 0)
BUSY = (10, 20, 1000, 2000, 1, 2, 3, 4)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host("n", tmp_path / "proc", tmp_path / "sys", tmp_path / "run", monotonic=lambda: 100.0)


def card(host: Host, name: str, index: int, functions: int, answer: bytes) -> Host:
    folder = host.sysfs / "class/net" / name
    (folder / "device").mkdir(parents=True)
    (folder / "ifindex").write_text(f"{index}\n")
    (folder / "device/sriov_numvfs").write_text(f"{functions}\n")
    for number in range(functions):
        (folder / f"device/virtfn{number}").mkdir()
        slot = f"DRIVER=vfio-pci\nPCI_ID=8086:1889\nPCI_SLOT_NAME=0000:3b:0{index}.{number}\n"
        (folder / f"device/virtfn{number}/uevent").write_text(slot)
    before = host.link

    def link(asked: int) -> Sequence[Link]:
        return parse(answer).links if asked == index else before(asked)

    return replace(host, link=link)


def guest(uuid: str, *devices: str) -> GuestProcess:
    running = RunningGuest(uuid, uuid, 1, "running", "booted", {}, devices=frozenset(devices))
    return GuestProcess(running, STAT, {}, ())


def told(
    host: Host, *guests: GuestProcess, unread: dict[str, str] | None = None
) -> dict[tuple[str, ...], Value]:
    cycle = Cycle(host, 0.0, running=lambda: guests, unread_files=unread if unread is not None else {})
    return {
        (s.metric.zabbix_key.partition("[")[0], *s.labels): s.value
        for s in samples_of(NodeVf().collect(cycle))
    }


def test_a_guest_has_the_function_at_its_pci_address(host: Host) -> None:
    functions = [kernel.function(0), kernel.function(1, "fa:16:3e:00:00:01", BUSY, trust=1)]
    host = card(host, "ens1f0", 4, 2, kernel.link(4, "ens1f0", functions, expected=2))
    found = told(host, guest("u1", "0000:3b:04.1"))
    assert found["argus.node.nic.vfs", "ens1f0"] == 2
    assert found["argus.node.nic.vfs_of_guests", "ens1f0"] == 1
    assert found["argus.node.vf.guest", "ens1f0", "1"] == "u1"
    assert ("argus.node.vf.guest", "ens1f0", "0") not in found
    assert found["argus.node.vf.rx_bytes.rate", "ens1f0", "1"] == 1000
    assert found["argus.node.vf.tx_drops.rate", "ens1f0", "1"] == 4
    assert found["argus.guest.vf.tx_bytes.rate", "u1", "0000:3b:04.1"] == 2000
    assert found["argus.guest.vf.rx_drops.rate", "u1", "0000:3b:04.1"] == 3
    assert found["argus.guest.vf.nic", "u1", "0000:3b:04.1"] == "ens1f0 vf 1"


def test_a_guest_may_have_a_function_by_its_interface_or_its_vdpa_device(host: Host) -> None:
    host = card(
        host, "ens1f0", 4, 2, kernel.link(4, "ens1f0", [kernel.function(0), kernel.function(1)], expected=2)
    )
    folder = host.sysfs / "class/net/ens1f0/device"
    (folder / "virtfn0/net/ens1f0v0").mkdir(parents=True)
    (folder / "virtfn1/vdpa0/vhost-vdpa-0").mkdir(parents=True)
    found = told(host, guest("u1", "ens1f0v0"), guest("u2", "vhost-vdpa-0"))
    assert found["argus.node.vf.guest", "ens1f0", "0"] == "u1"
    assert found["argus.node.vf.guest", "ens1f0", "1"] == "u2"


def test_zeros_of_a_driver_that_does_not_count_are_left_out(host: Host) -> None:
    functions = [kernel.function(0, vlan=7), kernel.function(1, counters=None)]
    host = card(host, "ens1f0", 4, 2, kernel.link(4, "ens1f0", functions, expected=2))
    found = told(host, guest("u1", "0000:3b:04.0"))
    assert found["argus.node.vf.vlan", "ens1f0", "0"] == 7
    assert not [key for key in found if key[0].endswith(".rate")]


def test_a_card_that_netlink_refuses_costs_itself_and_is_said(host: Host) -> None:
    host = card(host, "ens1f0", 4, 1, kernel.error(errno.EMSGSIZE))
    host = card(
        host, "ens1f1", 5, 1, kernel.link(5, "ens1f1", [kernel.function(0, counters=BUSY)], expected=1)
    )
    unread: dict[str, str] = {}
    found = told(host, unread=unread)
    assert list(unread) == ["ens1f0"]
    assert found["argus.node.nic.vfs", "ens1f0"] == 1
    assert found["argus.node.vf.rx_bytes.rate", "ens1f1", "0"] == 1000


@pytest.mark.parametrize(
    "answer",
    [
        kernel.link(4, "eth0", [kernel.function(0)], expected=1),
        kernel.link(4, "ens1f0", [kernel.function(0)], expected=2),
    ],
)
def test_an_interface_of_another_namespace_and_functions_that_are_missing_are_said(
    host: Host, answer: bytes
) -> None:
    unread: dict[str, str] = {}
    told(card(host, "ens1f0", 4, 2, answer), unread=unread)
    assert list(unread) == ["ens1f0"]


def test_a_representor_is_no_card_and_an_odd_card_costs_itself(host: Host) -> None:
    host = card(host, "ens1f0", 4, 1, kernel.link(4, "ens1f0", [kernel.function(0)], expected=1))
    net = host.sysfs / "class/net"
    (net / "aaa0").mkdir()
    (net / "aaa0/device").symlink_to("../ens1f0/device")
    (net / "aaa0/phys_port_name").write_text("pf0vf1\n")
    (net / "odd/device").mkdir(parents=True)
    (net / "odd/device/sriov_numvfs").write_text("?\n")
    unread: dict[str, str] = {}
    assert told(host, unread=unread)["argus.node.nic.vfs", "ens1f0"] == 1
    assert list(unread) == ["odd"]


@pytest.mark.parametrize("functions", [None, 0])
def test_without_functions_there_is_nothing(host: Host, functions: int | None) -> None:
    if functions is not None:
        card(host, "ens1f0", 4, functions, b"")
    (host.sysfs / "class/net/lo").mkdir(parents=True)
    with pytest.raises(NoData):
        told(host)


SOURCE = """<source><address domain='0x{:04x}' bus='0x{:02x}' slot='0x{:02x}' function='0x{:x}'/></source>
<address type='pci' domain='0x0000' bus='0x00' slot='0x06' function='0x0'/>"""
DOMAIN = """<domstatus state='running' pid='7'><domain id='3'><name>g</name><uuid>u</uuid>
<os><type arch='x86_64' machine='pc-q35-8.2'>hvm</type></os><devices><emulator>/usr/bin/qemu-kvm</emulator>
{}</devices></domain></domstatus>"""


@pytest.mark.parametrize(
    ("device", "held"),
    [
        ("<hostdev type='pci'>" + SOURCE.format(0x0, 0xAF, 0xA, 7) + "</hostdev>", {"0000:af:0a.7"}),
        ("<interface type='hostdev'>" + SOURCE.format(0x10000, 1, 0, 2) + "</interface>", {"10000:01:00.2"}),
        (
            "<interface type='network'><source network='vfs'/><actual type='hostdev'>"
            + SOURCE.format(0, 0x3B, 2, 1)
            + "</actual></interface>",
            {"0000:3b:02.1"},
        ),
        ("<interface type='direct'><source dev='ens1f0v3' mode='passthrough'/></interface>", {"ens1f0v3"}),
        ("<interface type='direct'><source dev='ens1f0' mode='bridge'/></interface>", set()),
        ("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>", {"vhost-vdpa-0"}),
        ("<hostdev type='usb'><source><address bus='1' device='3'/></source></hostdev>", set()),
        ("<hostdev type='mdev'><source><address uuid='c2177883'/></source></hostdev>", set()),
        ("<hostdev type='pci'><source><address bus='?' slot='x' function=''/></source></hostdev>", set()),
    ],
)
def test_what_a_guest_holds_of_the_node(device: str, held: set[str]) -> None:
    running = parse_domstatus(DOMAIN.format(device))
    assert running is not None
    assert running.devices == held
    assert (running.machine, running.emulator, running.number) == ("pc-q35-8.2", "/usr/bin/qemu-kvm", 3)


def test_functions_are_listed_anew_once_a_minute(host: Host) -> None:
    answer = kernel.link(4, "ens1f0", [kernel.function(0), kernel.function(1)], expected=2)
    host = card(host, "ens1f0", 4, 1, answer)
    collector = NodeVf()

    def functions(now: float) -> list[Value]:
        cycle = Cycle(replace(host, monotonic=lambda: now), now, running=lambda: ())
        return [s.value for s in samples_of(collector.collect(cycle)) if s.metric is FUNCTIONS]

    assert functions(100.0) == [1]
    added = host.sysfs / "class/net/ens1f0/device/virtfn1"
    added.mkdir()
    (added / "uevent").write_text("DRIVER=vfio-pci\nPCI_SLOT_NAME=0000:3b:04.1\n")
    assert functions(159.0) == [1]
    assert functions(160.0) == [2]
