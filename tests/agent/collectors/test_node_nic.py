"""Interfaces of the node, and packets that connection tracking lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.catalogue.model import Sample, Value
from argus_agent.collectors.node_net import NodeNet, parse_conntrack_stat
from argus_agent.collectors.node_nic import NodeNic
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host

STATISTICS = ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_errors", "tx_errors", "rx_dropped")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "proc/net/stat").mkdir(parents=True)
    return Host("n", tmp_path / "proc", tmp_path / "sys", tmp_path / "run", monotonic=lambda: 100.0)


def nic(host: Host, name: str, counter: int, **files: str) -> Path:
    folder = host.sysfs / "class/net" / name
    (folder / "statistics").mkdir(parents=True, exist_ok=True)
    for statistic in (*STATISTICS, "tx_dropped"):
        (folder / "statistics" / statistic).write_text(f"{counter}\n")
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def values(samples: Iterable[Sample]) -> dict[tuple[str, ...], Value]:
    return {(sample.metric.field, *sample.labels): sample.value for sample in samples}


def test_a_device_tells_its_link_its_counters_and_how_much_of_its_speed_is_used(host: Host) -> None:
    collector = NodeNic()
    (nic(host, "ens1f0", 0, carrier="1\n", speed="10000\n") / "device").mkdir()
    first = values(collector.collect(Cycle(host, 0.0)))
    assert first["nic_link", "ens1f0"] == 1
    assert first["nic_speed_bytes", "ens1f0"] == 1_250_000_000
    assert ("nic_used_ratio", "ens1f0") not in first
    nic(host, "ens1f0", 6_250_000_000)
    later = Cycle(replace(host, monotonic=lambda: 110.0), 10.0)
    second = values(collector.collect(later))
    assert second["nic_rx_bytes", "ens1f0"] == 6_250_000_000
    assert second["nic_used_ratio", "ens1f0"] == 0.5


def test_an_interface_without_a_link_has_counters_and_no_speed(host: Host) -> None:
    (nic(host, "ens1f1", 7, carrier="0\n", speed="-1\n") / "device").mkdir()
    found = values(NodeNic().collect(Cycle(host, 0.0)))
    assert found["nic_link", "ens1f1"] == 0
    assert found["nic_rx_errors", "ens1f1"] == 7
    assert ("nic_speed_bytes", "ens1f1") not in found


def test_an_interface_that_is_down_refuses_to_tell_its_link(host: Host) -> None:
    folder = nic(host, "ens1f1", 7)  # EINVAL of the kernel: here the file is missing
    (folder / "device").mkdir()
    assert ("nic_link", "ens1f1") not in values(NodeNic().collect(Cycle(host, 0.0)))


def test_bonds_are_told_and_taps_bridges_and_virtual_functions_are_not(host: Host) -> None:
    (nic(host, "bond0", 1) / "bonding").mkdir()
    (nic(host, "ens1f0v3", 1) / "device/physfn").mkdir(parents=True)
    nic(host, "tap1234", 1)
    nic(host, "br-int", 1)
    assert {sample.labels for sample in NodeNic().collect(Cycle(host, 0.0))} == {("bond0",)}


def test_without_a_network_there_is_nothing(host: Host) -> None:
    with pytest.raises(NoData):
        list(NodeNic().collect(Cycle(host, 0.0)))


def test_packets_that_connection_tracking_lost_are_summed_over_cpus(host: Host) -> None:
    (host.procfs / "net/softnet_stat").write_text("")
    text = "entries clashres found drop insert_failed\n000000a1 00000000 00 0000000a 00000001\n"
    (host.procfs / "net/stat/nf_conntrack").write_text(f"{text}000000a1 00000000 00 00000006 00000000\n")
    found = values(NodeNet().collect(Cycle(host, 0.0)))
    assert found["net_conntrack_drops",] == 16
    assert found["net_conntrack_insert_failed",] == 1


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_conntrack_stat(text)
    except ValueError:
        return
    assert all(isinstance(value, int) for value in found.values())


def of_node(host: Host) -> list[str]:
    return sorted({sample.labels[0] for sample in NodeNic().collect(Cycle(host, 0.0))})


@pytest.mark.parametrize(
    "port", ["pf0vf0", "c1pf0vf12", "pf1sf88", "c2pf0sf1", "p0pf0vf1", "pf0hpf", "c1pf0", "vf3"]
)
def test_a_port_that_leads_to_a_guests_function_is_no_nic_of_the_node(host: Host, port: str) -> None:
    (nic(host, "ens1f0np0", 1, phys_port_name="p0\n", phys_switch_id="aa\n") / "device").mkdir()
    (nic(host, "eth7", 1, phys_port_name=f"{port}\n", phys_switch_id="aa\n") / "device").mkdir()
    assert of_node(host) == ["ens1f0np0"]


@pytest.mark.parametrize("port", ["p0", "p1s2", "0", "n0", ""])
def test_a_port_that_leads_to_a_cable_is(host: Host, port: str) -> None:
    (nic(host, "ens1f1", 1, phys_port_name=f"{port}\n", phys_switch_id="aa\n") / "device").mkdir()
    assert of_node(host) == ["ens1f1"]


def test_a_representor_that_does_not_name_its_port_is_known_by_its_own_name(host: Host) -> None:
    (nic(host, "ens1f0npf0vf1", 1, phys_switch_id="aa\n") / "device").mkdir()
    assert of_node(host) == []


def test_a_subfunction_is_no_nic_of_the_node(host: Host) -> None:
    device = host.sysfs / "devices/mlx5_core.sf.4"
    device.mkdir(parents=True)
    (nic(host, "enp8s0f0s88", 1) / "device").symlink_to(device)
    assert of_node(host) == []


def test_a_team_is_told_and_so_are_its_ports(host: Host) -> None:
    for name in ("eno1", "eno2"):
        folder = nic(host, name, 1)
        (folder / "device").mkdir()
        (folder / "master").symlink_to("../uplink")
        (nic(host, "uplink", 1) / f"lower_{name}").symlink_to(f"../{name}")
    nic(host, "team0", 1)  # without a port
    assert of_node(host) == ["eno1", "eno2", "team0", "uplink"]


def test_what_else_has_interfaces_below_it_is_no_team(host: Host) -> None:
    port = nic(host, "eno1", 1)
    (port / "device").mkdir()
    (port / "master").symlink_to("../ovs-system")
    for name in ("ovs-system", "eno1.100", "br-ex", "vrf7"):
        (nic(host, name, 1) / "lower_eno1").symlink_to("../eno1")
    (host.sysfs / "class/net/br-ex/bridge").mkdir()
    (host.sysfs / "class/net/vrf7/uevent").write_text("DEVTYPE=vrf\nINTERFACE=vrf7\n")
    nic(host, "team1", 1, tun_flags="0x1002\n")  # a tap
    assert of_node(host) == ["eno1"]


@pytest.mark.parametrize("speed", ["-1", "0", "65535", "4294967295", "", "odd"])
def test_a_speed_that_is_not_known_is_not_told(host: Host, speed: str) -> None:
    (nic(host, "eno1", 1, speed=f"{speed}\n") / "device").mkdir()
    assert ("nic_speed_bytes", "eno1") not in values(NodeNic().collect(Cycle(host, 0.0)))


def test_a_counter_of_a_nic_that_is_odd_costs_itself(host: Host) -> None:
    folder = nic(host, "eno1", 5, carrier="odd\n")
    (folder / "device").mkdir()
    (folder / "statistics/rx_errors").write_text("odd\n")
    (folder / "statistics/tx_errors").unlink()
    cycle = Cycle(host, 0.0)
    found = values(NodeNic().collect(cycle))
    assert found["nic_rx_bytes", "eno1"] == 5
    assert len(found) == len(STATISTICS) + 1 - 2
    assert len(cycle.unread_files) == 2


def test_an_interface_that_is_plugged_in_later_is_told(host: Host) -> None:
    collector = NodeNic()
    (nic(host, "eno1", 1) / "device").mkdir()
    list(collector.collect(Cycle(host, 0.0)))
    (nic(host, "eno2", 1) / "device").mkdir()
    assert {s.labels[0] for s in collector.collect(Cycle(host, 0.0))} == {"eno1", "eno2"}
