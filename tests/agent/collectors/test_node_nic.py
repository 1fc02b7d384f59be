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
