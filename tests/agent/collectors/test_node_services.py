"""Collectors of the node beside CPU and memory: services, audit, run queues, devices, taps, ksmd."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from argus.catalogue.model import Row, Sample, Value, samples_of
from argus_agent.audit.profile import Profile
from argus_agent.collectors.audit import EVERY_SECONDS, Audit
from argus_agent.collectors.guest_tap import GuestTap
from argus_agent.collectors.ksm import Ksm
from argus_agent.collectors.node_block import NodeBlock
from argus_agent.collectors.node_cpufreq import NodeCpufreq
from argus_agent.collectors.node_sched import NodeSched, parse_schedstats
from argus_agent.collectors.node_units import NodeUnits
from argus_agent.collectors.numa_cpu import NumaCpu
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host
from argus_agent.kernel.domstatus import parse_domstatus
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import parse_stat

STAT = (
    "{pid} ({comm}) S 2 0 0 0 -1 0 0 0 0 0 150 50 0 0 25 5 1 0 51 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 0 0"
)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for name in ("proc", "sys", "run/qemu", "systemd"):
        (tmp_path / name).mkdir(parents=True)
    return Host("n", tmp_path / "proc", tmp_path / "sys", tmp_path / "run", systemd=tmp_path / "systemd")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def values(told: Iterable[Sample | Row]) -> dict[tuple[str, ...], Value]:
    found = list(samples_of(told))
    named = {(sample.metric.field, *sample.labels): sample.value for sample in found}
    assert len(named) == len(found), "each series once"
    return named


WATCH = ("libvirtd.service", "ceph-osd@*.service")


def enable(host: Host, unit: str) -> None:
    link = host.systemd / "multi-user.target.wants" / unit
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(f"/usr/lib/systemd/system/{unit}")


def units(host: Host, collector: NodeUnits) -> dict[str, Value]:
    return {labels[1]: v for labels, v in values(collector.collect(Cycle(host, 0.0, units=WATCH))).items()}


def test_a_service_runs_when_its_cgroup_is_populated(host: Host) -> None:
    root = host.cgroupfs / "system.slice"
    write(root / "libvirtd.service/cgroup.events", "populated 1\nfrozen 0\n")
    osds = root / "system-ceph\\x2dosd.slice"
    write(osds / "ceph-osd@3.service/cgroup.events", "populated 1\nfrozen 0\n")
    write(osds / "ceph-osd@4.service/cgroup.events", "populated 0\nfrozen 0\n")
    write(root / "cron.service/cgroup.events", "populated 1\n")
    enable(host, "ceph-osd@4.service")
    found = units(host, NodeUnits())
    assert found == {"libvirtd.service": 1, "ceph-osd@3.service": 1, "ceph-osd@4.service": 0}


def test_a_service_that_stopped_has_no_cgroup_any_more_and_is_missed(host: Host) -> None:
    collector = NodeUnits()
    group = host.cgroupfs / "systemd/system.slice/libvirtd.service/cgroup.procs"  # version 1
    write(group, "42\n")
    assert units(host, collector) == {"libvirtd.service": 1}
    group.unlink()
    group.parent.rmdir()
    assert units(host, collector) == {"libvirtd.service": 0}


def test_a_service_that_nobody_enabled_is_not_missed(host: Host) -> None:
    write(host.cgroupfs / "system.slice/cron.service/cgroup.events", "populated 1\n")
    assert units(host, NodeUnits()) == {}


def test_without_systemd_there_are_no_services(host: Host) -> None:
    with pytest.raises(NoData):
        units(host, NodeUnits())


def test_differences_from_the_profile_are_counted_by_check_and_kept_for_a_while(host: Host) -> None:
    write(host.procfs / "meminfo", "MemTotal: 1000 kB\n")
    write(host.sysfs / "devices/system/cpu/cpu0/topology/core_id", "0\n")
    write(host.sysfs / "kernel/mm/ksm/run", "1\n")
    collector, cycle = Audit(), Cycle(host, 0.0, profile=Profile("p", ksm_run=0, vhost_net=False))
    first = values(collector.collect(cycle))
    assert first[("audit_differing",)] == 1
    assert first[("audit_checked",)] == 2
    assert first["audit_check_differing", "ksm"] == 1
    assert first["audit_check_differing", "vhost_net"] == 0
    write(host.sysfs / "kernel/mm/ksm/run", "0\n")
    assert values(collector.collect(cycle)) == first, "settings are read every few minutes"
    later = replace(host, monotonic=lambda: host.monotonic() + EVERY_SECONDS + 1)
    assert values(collector.collect(replace(cycle, host=later)))[("audit_differing",)] == 0


def test_without_a_profile_nothing_is_audited(host: Host) -> None:
    with pytest.raises(NoData, match="profile"):
        list(Audit().collect(Cycle(host, 0.0)))


def test_waiting_in_run_queues_is_summed_over_cpus(host: Host) -> None:
    text = "version 15\ntimestamp 1\ncpu0 0 0 0 0 0 0 3000000000 1000000000 7\ndomain0 03 1 2\n"
    text += "cpu1 0 0 0 0 0 0 1000000000 500000000 3\n"
    write(host.procfs / "schedstat", text)
    found = values(NodeSched().collect(Cycle(host, 0.0)))
    assert found[("sched_waiting_seconds",)] == 1.5
    assert found[("sched_running_seconds",)] == 4
    assert found[("sched_timeslices",)] == 10


def test_a_schedstat_of_another_shape_is_an_error_and_none_is_no_data(host: Host) -> None:
    with pytest.raises(ValueError, match="nine fields"):
        parse_schedstats("version 99\ncpu0 1 2\n")
    with pytest.raises(NoData):
        list(NodeSched().collect(Cycle(host, 0.0)))


def test_cpu_time_is_summed_by_numa_node(host: Host) -> None:
    rows = ["cpu  9 9 9 9 9 9 9 9 9 9"]
    for cpu in range(4):
        write(host.sysfs / f"devices/system/cpu/cpu{cpu}/topology/core_id", f"{cpu}\n")
        rows.append(f"cpu{cpu} {100 * cpu} 100 0 50 0 0 0 0 0 0")
    for node in (0, 1):
        write(host.sysfs / f"devices/system/node/node{node}/cpulist", f"{2 * node}-{2 * node + 1}\n")
    write(host.procfs / "stat", "\n".join([*rows, "intr 5"]))
    found = values(NumaCpu().collect(Cycle(host, 0.0)))
    assert found["numa_cpu_user_seconds", "0"] == 3.0
    assert found["numa_cpu_user_seconds", "1"] == 7.0
    assert found["numa_cpu_idle_seconds", "1"] == 1.0


def test_disks_tell_scheduler_and_counters_and_views_of_disks_do_not(host: Host) -> None:
    write(host.sysfs / "block/vda/queue/scheduler", "none [mq-deadline] kyber\n")
    write(host.sysfs / "block/vda/stat", " 10 0 8 4 20 0 16 5 0 250 9 0 0 0 0\n")
    (host.sysfs / "block/vda/device").mkdir()
    write(host.sysfs / "block/loop0/queue/scheduler", "[none]\n")
    found = values(NodeBlock().collect(Cycle(host, 0.0)))
    assert found["block_scheduler", "vda"] == "mq-deadline"
    assert found["block_read_bytes", "vda"] == 8 * 512
    assert found["block_busy_seconds", "vda"] == 0.25
    assert {labels[1] for labels in found} == {"vda"}


def test_frequencies_are_in_hertz_and_throttling_is_summed(host: Host) -> None:
    with pytest.raises(NoData):
        list(NodeCpufreq().collect(Cycle(host, 0.0)))
    for cpu, khz in ((0, 1_000_000), (1, 3_000_000)):
        base = host.sysfs / f"devices/system/cpu/cpu{cpu}"
        write(base / "cpufreq/scaling_cur_freq", f"{khz}\n")
        write(base / "cpufreq/scaling_governor", "performance\n")
        write(base / "thermal_throttle/core_throttle_count", "2\n")
    found = values(NodeCpufreq().collect(Cycle(host, 0.0)))
    assert found[("cpufreq_mean_hertz",)] == 2e9
    assert found[("cpufreq_lowest_hertz",)] == 1e9
    assert found[("cpufreq_governor",)] == "performance"
    assert found[("cpufreq_throttles",)] == 4


def test_ksmds_cpu_time_is_found_by_name_also_when_its_number_changes(host: Host) -> None:
    (host.sysfs / "kernel/mm/ksm").mkdir(parents=True)
    write(host.procfs / "vmstat", "cow_ksm 5\n")
    write(host.procfs / "7/stat", STAT.format(pid=7, comm="kcompactd0"))
    write(host.procfs / "9/stat", STAT.format(pid=9, comm="ksmd"))
    collector = Ksm()
    ticks = os.sysconf("SC_CLK_TCK")
    found = values(collector.collect(Cycle(host, 0.0)))
    assert found[("ksm_ksmd_cpu_seconds",)] == 200 / ticks
    assert found[("ksm_cow_breaks",)] == 5


def a_guest(tap: str) -> GuestProcess:
    nic = f"<interface><mac address='52:54:00:00:00:01'/><target dev='{tap}'/></interface>"
    domain = f"<domain><name>g</name><uuid>u</uuid><devices>{nic}</devices></domain>"
    guest = parse_domstatus(
        f"<domstatus pid='5'><job type='none' async='migration out'/>{domain}</domstatus>"
    )
    assert guest is not None
    assert guest.job == "migration out"
    return GuestProcess(guest, parse_stat(STAT.format(pid=5, comm="qemu")), {}, ())


def test_drops_of_a_tap_are_told_in_the_guests_direction(host: Host) -> None:
    write(host.sysfs / "class/net/vnet3/statistics/tx_dropped", "4\n")
    write(host.sysfs / "class/net/vnet3/statistics/rx_dropped", "1\n")
    cycle = Cycle(host, 0.0, running=lambda: (a_guest("elsewhere"), a_guest("vnet3")))
    assert values(GuestTap().collect(cycle)) == {
        ("tap_to_guest_drops", "u", "52:54:00:00:00:01"): 4,
        ("tap_from_guest_drops", "u", "52:54:00:00:00:01"): 1,
    }


def test_a_tap_of_the_same_name_in_another_network_namespace_is_another_one(host: Host) -> None:
    write(host.sysfs / "class/net/vnet3/statistics/tx_dropped", "4\n")
    for who, namespace in (("5", "net:[2]"), ("self", "net:[1]")):
        (host.procfs / who / "ns").mkdir(parents=True)
        (host.procfs / who / "ns/net").symlink_to(namespace)
    assert values(GuestTap().collect(Cycle(host, 0.0, running=lambda: (a_guest("vnet3"),)))) == {}
