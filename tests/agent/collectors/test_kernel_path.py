"""The collectors that need no libvirtd, on small trees of real shape for cgroup version 1 and 2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from argus.catalogue import guest_cpu
from argus.catalogue.model import Value, samples_of
from argus_agent.collectors.guest_cpu import GuestCpu
from argus_agent.collectors.guest_io import GuestIo
from argus_agent.collectors.guest_ksm import GuestKsm
from argus_agent.collectors.guest_memory_events import GuestMemoryEvents
from argus_agent.collectors.guest_numa import GuestNuma
from argus_agent.collectors.guest_pressure import GuestPressure
from argus_agent.collectors.guest_process import GuestProcessMemory
from argus_agent.collectors.guest_threads import GuestThreads
from argus_agent.collectors.guest_throttle import GuestThrottle
from argus_agent.collectors.hugepages import Hugepages
from argus_agent.collectors.node_net import NodeNet
from argus_agent.collectors.node_pressure import NodePressure
from argus_agent.collectors.node_vmstat import NodeVmstat
from argus_agent.collectors.numa import Numa
from argus_agent.cycle import Collector, Cycle, NoData
from argus_agent.guests import Guest, LibvirtView
from argus_agent.host import Host
from argus_agent.kernel.guests import KernelGuests
from argus_agent.kernel.topology import KnownTopology

UUID = "5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a001"
SCOPE = "machine.slice/machine-qemu-1-instance.scope"
STAT = (
    "{tid} ({comm}) S 1 1 1 0 -1 0 0 0 9 0 {ticks} 0 0 0 20 0 9 0 100 0 52000 "
    "0 1 1 0 0 0 0 0 0 0 0 0 0 17 {cpu} 0 0 0 0 0"
)
THREADS = {4242: ("qemu-system-x86", 100, 0), 4250: ("CPU 0/KVM", 300, 1), 4251: ("CPU 1/KVM", 500, 1)}


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A node with two NUMA nodes of one CPU each and one guest of two vCPUs, both on CPU 1."""
    domain = f"<domain><name>instance-1</name><uuid>{UUID}</uuid></domain>"
    files = {
        "run/qemu/instance-1.xml": f"<domstatus state='running' pid='4242'>{domain}</domstatus>",
        "proc/4242/stat": STAT.format(tid=4242, comm="qemu-system-x86", ticks=900, cpu=0),
        "proc/4242/status": "VmRSS:\t 208000 kB\nVmSwap:\t 0 kB\nHugetlbPages:\t 1048576 kB\n",
        "proc/4242/cgroup": f"0::/{SCOPE}/libvirt/emulator\n",
        "proc/4242/comm": "qemu-system-x86\n",
    }
    for tid, (comm, ticks, cpu) in THREADS.items():
        files[f"proc/4242/task/{tid}/stat"] = STAT.format(tid=tid, comm=comm, ticks=ticks, cpu=cpu)
        files[f"proc/4242/task/{tid}/schedstat"] = f"{ticks * 10_000_000} 250000000 7\n"
    for cpu in (0, 1):
        files[f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"] = f"{cpu}\n"
        files[f"sys/devices/system/node/node{cpu}/cpulist"] = f"{cpu}\n"
    _write(tmp_path, files)
    return Host("cmp1", tmp_path / "proc", tmp_path / "sys", tmp_path / "run")


Collect = Callable[[Collector], dict[tuple[str, tuple[str, ...]], Value]]


@pytest.fixture
def collect(host: Host) -> Collect:
    """Collect once; samples by field and labels."""
    guests = KernelGuests(host.rundir / "qemu", host.procfs)

    def once(collector: Collector) -> dict[tuple[str, tuple[str, ...]], Value]:
        samples = samples_of(collector.collect(Cycle(host, 0.0, running=guests.read)))
        return {(sample.metric.field, sample.labels): sample.value for sample in samples}

    return once


def test_threads_are_summed_by_role(collect: Collect) -> None:
    values = collect(GuestThreads())
    assert values["threads_alive", (UUID, "vcpu")] == 2
    assert values["threads_cpu_seconds", (UUID, "vcpu")] == pytest.approx(8.0)
    assert values["threads_delay_seconds", (UUID, "vcpu")] == pytest.approx(0.5)
    assert values["threads_cpu_seconds", (UUID, "emulator")] == pytest.approx(1.0)
    assert ("threads_alive", (UUID, "vhost")) not in values


def test_a_delay_that_is_known_for_some_threads_only_is_not_told(host: Host, collect: Collect) -> None:
    (host.procfs / "4242/task/4250/schedstat").unlink()
    assert ("threads_delay_seconds", (UUID, "vcpu")) not in collect(GuestThreads())


def test_memory_of_the_process(host: Host, collect: Collect) -> None:
    _write(host.procfs, {"4242/smaps_rollup": "55-7f ---p 0 00:00 0 [rollup]\nAnonHugePages:  2048 kB\n"})
    values = collect(GuestProcessMemory())
    assert values["process_rss_bytes", (UUID,)] == 208000 * 1024
    assert values["process_hugetlb_bytes", (UUID,)] == 2**30
    assert values["process_anon_huge_bytes", (UUID,)] == 2 * 2**20
    assert values["process_major_faults", (UUID,)] == 9


def test_a_kernel_without_rollups_leaves_huge_pages_absent(collect: Collect) -> None:
    assert ("process_anon_huge_bytes", (UUID,)) not in collect(GuestProcessMemory())


def test_local_memory_is_that_of_the_node_the_vcpus_run_on(host: Host, collect: Collect) -> None:
    _write(host.procfs, {"4242/numa_maps": "7f0 default anon=4 N0=3 N1=1 kernelpagesize_kB=4\n"})
    values = collect(GuestNuma())
    assert values["numa_bytes", (UUID, "0")] == 3 * 4096
    assert values["numa_nodes_spanned", (UUID,)] == 2
    assert values["numa_local_ratio", (UUID,)] == 0.25


MEMORY_STAT = "anon 900\nanon_thp 4194304\nshmem_thp 2097152\n"


def test_memory_by_node_comes_from_the_guests_own_group(host: Host, collect: Collect) -> None:
    _write(host.procfs, {"4242/status": "VmSwap:\t 0 kB\nHugetlbPages:\t 0 kB\n"})
    _unified(host, {"memory.numa_stat": "anon N0=1000 N1=2000\nfile N0=9 N1=9\nshmem N0=0 N1=1000\n"})
    values = collect(GuestNuma())
    assert [values["numa_bytes", (UUID, node)] for node in "01"] == [1000, 3000]
    assert values["numa_local_ratio", (UUID,)] == 0.75
    assert ("data_age_seconds", (UUID, "numa_stat")) in values


def test_what_is_local_follows_the_vcpus_the_memory_and_the_nodes_cpus(host: Host) -> None:
    _write(host.procfs, {"4242/status": "VmSwap:\t 0 kB\nHugetlbPages:\t 0 kB\n"})
    guests = KernelGuests(host.rundir / "qemu", host.procfs)
    collector, topology = GuestNuma(), KnownTopology()

    def local(now: float, anonymous: str = "", *, for_events: bool = False) -> Value:
        if anonymous:
            _unified(host, {"memory.numa_stat": f"anon {anonymous}\nshmem N0=0 N1=0\n"})
        at = replace(host, monotonic=lambda: now)
        cycle = Cycle(at, now, running=guests.read, for_events=for_events, known_topology=topology)
        told = {s.metric.field: s.value for s in samples_of(collector.collect(cycle))}
        return told["numa_local_ratio"]

    assert local(0, "N0=1000 N1=3000") == 0.75
    for tid in (4250, 4251):
        _write(
            host.procfs, {f"4242/task/{tid}/stat": STAT.format(tid=tid, comm=THREADS[tid][0], ticks=1, cpu=0)}
        )
    assert local(1, for_events=True) == 0.25, "vCPUs move faster than memory is read"
    assert local(200, "N0=2000 N1=2000") == 0.5
    for cpu in (0, 1):
        _write(host.sysfs, {f"devices/system/node/node{cpu}/cpulist": f"{1 - cpu}\n"})
    topology = KnownTopology()
    assert local(400, "N0=1000 N1=3000") == 0.75
    topology = KnownTopology()
    for cpu in (0, 1):
        _write(host.sysfs, {f"devices/system/node/node{cpu}/cpulist": f"{cpu}\n"})
    assert local(401, for_events=True) == 0.25


def test_pages_of_hugetlbfs_are_in_no_group_so_that_page_tables_are_walked(
    host: Host, collect: Collect
) -> None:
    _unified(host, {"memory.numa_stat": "anon N0=1000 N1=2000\nshmem N0=0 N1=0\n"})
    _write(host.procfs, {"4242/numa_maps": "7f0 default huge N0=1 kernelpagesize_kB=1048576\n"})
    values = collect(GuestNuma())
    assert [values["numa_bytes", (UUID, node)] for node in "01"] == [2**30, 0]
    assert ("data_age_seconds", (UUID, "numa_maps")) in values


def test_a_group_without_the_files_leaves_the_walk(host: Host, collect: Collect) -> None:
    _write(
        host.procfs, {"4242/status": "HugetlbPages:\t 0 kB\n", "4242/smaps_rollup": "ShmemPmdMapped: 2 kB\n"}
    )
    _unified(host, {"memory.stat": "anon 5\nfile 6\n"})
    _write(host.procfs, {"4242/numa_maps": "7f0 default anon=4 N1=4 kernelpagesize_kB=4\n"})
    assert collect(GuestNuma())["numa_bytes", (UUID, "1")] == 4 * 4096
    assert collect(GuestProcessMemory())["process_shmem_huge_bytes", (UUID,)] == 2048


def test_a_group_that_does_not_count_the_guests_memory_is_not_believed(host: Host, collect: Collect) -> None:
    """As of a process that was moved there: what it had stays where it was counted."""
    stat = (host.procfs / "4242/stat").read_text()
    _write(
        host.procfs, {"4242/stat": stat.replace(" 52000 ", " 520000 "), "4242/status": "HugetlbPages: 0 kB\n"}
    )
    _write(host.procfs, {"4242/numa_maps": "7f0 default anon=4 N1=520000 kernelpagesize_kB=4\n"})
    _write(host.procfs, {"4242/smaps_rollup": "AnonHugePages: 4096 kB\n"})
    _unified(host, {"memory.numa_stat": "anon N0=1000 N1=0\nshmem N0=0 N1=0\n"})
    _unified(host, {"memory.stat": "anon 1000\nfile_mapped 0\nanon_thp 0\n"})
    assert collect(GuestNuma())["numa_bytes", (UUID, "1")] == 520000 * 4096
    assert collect(GuestProcessMemory())["process_anon_huge_bytes", (UUID,)] == 4096 * 1024
    half = 260000 * 4096
    _unified(host, {"memory.numa_stat": f"anon N0={half} N1=0\nshmem N0=0 N1=0\n"})
    _unified(host, {"memory.stat": f"anon {half}\nfile_mapped 0\nanon_thp 0\n"})
    assert collect(GuestNuma())["numa_bytes", (UUID, "0")] == half
    assert collect(GuestProcessMemory())["process_anon_huge_bytes", (UUID,)] == 0


def test_a_kernel_that_does_not_count_hugetlb_leaves_it_to_the_definition(
    host: Host, collect: Collect
) -> None:
    """Linux before 4.4."""
    _write(host.procfs, {"4242/status": "VmRSS:\t 208000 kB\n", "4242/numa_maps": "7f0 default N0=1\n"})
    _unified(host, {"memory.numa_stat": "anon N0=1000 N1=0\nshmem N0=0 N1=0\n"})
    assert collect(GuestNuma())["numa_bytes", (UUID, "0")] == 1000
    backing = "<memoryBacking><hugepages/></memoryBacking>"
    domain = f"<domain><name>instance-1</name><uuid>{UUID}</uuid>{backing}</domain>"
    _write(
        host.rundir, {"qemu/instance-1.xml": f"<domstatus state='running' pid='4242'>{domain}</domstatus>"}
    )
    assert ("numa_bytes", (UUID, "0")) not in collect(GuestNuma()), "numa_maps says no size of pages"


def test_a_group_without_any_memory_is_not_that_of_a_process_that_has_some(
    host: Host, collect: Collect
) -> None:
    _write(host.procfs, {"4242/status": "HugetlbPages: 0 kB\n"})
    _unified(host, {"memory.numa_stat": "anon N0=0 N1=0\nshmem N0=0 N1=0\n"})
    assert ("numa_bytes", (UUID, "0")) not in collect(GuestNuma())


def test_huge_pages_come_from_the_guests_own_group(host: Host, collect: Collect) -> None:
    _unified(host, {"memory.stat": MEMORY_STAT})
    values = collect(GuestProcessMemory())
    assert values["process_anon_huge_bytes", (UUID,)] == 4194304
    assert values["process_shmem_huge_bytes", (UUID,)] == 2097152
    assert ("data_age_seconds", (UUID, "memory_stat")) in values


def test_anonymous_and_shared_memory_are_the_kernels_sums(host: Host, collect: Collect) -> None:
    _write(host.procfs, {"4242/status": "RssAnon:\t 8 kB\nRssFile:\t 3 kB\nRssShmem:\t 4 kB\n"})
    values = collect(GuestProcessMemory())
    assert values["process_anon_bytes", (UUID,)] == 8192
    assert values["process_shmem_bytes", (UUID,)] == 4096


def test_merging_may_cost_more_than_it_saves(host: Host, collect: Collect) -> None:
    text = "ksm_rmap_items 5\nksm_merging_pages 0\nksm_process_profit -320\n"
    _write(host.procfs, {"self/ksm_stat": text, "4242/ksm_stat": text})
    assert collect(GuestKsm())["ksm_profit_bytes", (UUID,)] == -320


def test_a_kernel_without_per_process_ksm_is_no_failure(collect: Collect) -> None:
    with pytest.raises(NoData, match=r"kernel before 6\.1"):
        collect(GuestKsm())


def _unified(host: Host, files: dict[str, str]) -> None:
    _write(host.cgroupfs, {"cgroup.controllers": "cpu io memory\n"})
    _write(host.cgroupfs / SCOPE, files)


def test_the_quota_of_each_vcpu_counts(host: Host, collect: Collect) -> None:
    def stat(periods: int, throttled: int) -> str:
        return f"nr_periods {periods}\nnr_throttled {throttled}\nthrottled_usec {throttled * 1000}\n"

    collector = GuestThrottle()
    _unified(host, {"cpu.stat": stat(0, 0), "libvirt/vcpu0/cpu.stat": stat(100, 10)})
    _unified(host, {"libvirt/vcpu1/cpu.stat": stat(100, 0)})
    first = collect(collector)
    assert first["throttle_throttled_seconds", (UUID,)] == pytest.approx(0.01)
    assert ("throttle_throttled_ratio", (UUID,)) not in first
    _unified(host, {"libvirt/vcpu0/cpu.stat": stat(200, 60)})
    assert collect(collector)["throttle_throttled_ratio", (UUID,)] == 0.5


def delayed(host: Host, seconds: float, at: float) -> Cycle:
    """Libvirt's answer: both vCPUs have waited so long; the guest's process is known to the kernel."""
    waited = {f"vcpu.{n}.delay": seconds * 1e9 for n in range(2)}
    view = LibvirtView(up=True, guests=(Guest(UUID, "instance-1", 1, {"vcpu.maximum": 2, **waited}),), at=at)
    return Cycle(host, at, libvirt=view, running=KernelGuests(host.rundir / "qemu", host.procfs).read)


def steals(collector: Collector, cycle: Cycle) -> dict[tuple[str, ...], Value]:
    samples = samples_of(collector.collect(cycle))
    return {sample.labels: sample.value for sample in samples if sample.metric is guest_cpu.VCPU_STEAL}


def test_steal_is_less_what_the_guests_own_quota_stopped(host: Host) -> None:
    def stat(stopped: float) -> str:
        return f"nr_periods 100\nnr_throttled 9\nthrottled_usec {round(stopped * 1e6)}\n"

    _unified(host, {"cpu.stat": "nr_periods 0\n", "libvirt/vcpu0/cpu.stat": stat(50)})
    collector = GuestCpu()
    assert steals(collector, delayed(host, 100, 1000)) == {}
    _unified(host, {"libvirt/vcpu0/cpu.stat": stat(57)})
    told = steals(collector, delayed(host, 108, 1010))
    assert told == {(UUID, "0"): pytest.approx(0.1), (UUID, "1"): pytest.approx(0.8)}


def test_a_quota_of_the_whole_guest_is_shared_by_its_vcpus(host: Host) -> None:
    text = "nr_periods 100\nnr_throttled 9\nthrottled_usec {}\n"
    _unified(host, {"cpu.stat": text.format(0)})
    collector = GuestCpu()
    steals(collector, delayed(host, 100, 1000))
    _unified(host, {"cpu.stat": text.format(8_000_000)})
    told = steals(collector, delayed(host, 108, 1010))
    assert list(told.values()) == [pytest.approx(0.4)] * 2


def test_a_quota_that_comes_later_leaves_one_cycle_without_steal_and_no_wrong_one(host: Host) -> None:
    collector = GuestCpu()
    steals(collector, delayed(host, 100, 1000))
    assert steals(collector, delayed(host, 108, 1010))[UUID, "0"] == pytest.approx(0.8)
    _unified(host, {"libvirt/vcpu0/cpu.stat": "nr_periods 9\nnr_throttled 9\nthrottled_usec 1000000\n"})
    assert (UUID, "0") not in steals(collector, delayed(host, 116, 1020))
    assert steals(collector, delayed(host, 124, 1030))[UUID, "0"] == pytest.approx(0.8)


def test_a_guest_without_a_quota_has_no_throttling_rather_than_none(host: Host, collect: Collect) -> None:
    _unified(host, {"cpu.stat": "usage_usec 100\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n"})
    assert collect(GuestThrottle()) == {}


def test_io_of_version_2_names_the_device(host: Host, collect: Collect) -> None:
    _unified(host, {"io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n"})
    _write(host.sysfs, {"block/sda/dev": "8:0\n"})
    values = collect(GuestIo())
    assert values["io_write_bytes", (UUID, "sda")] == 2
    assert values["io_read_ops", (UUID, "sda")] == 3


@pytest.mark.parametrize(("count", "told"), [(0, False), (5, True)])
def test_zeros_of_version_1_are_not_accounted(host: Host, collect: Collect, count: int, told: bool) -> None:
    _write(host.procfs, {"4242/cgroup": f"5:blkio:/{SCOPE}/emulator\n"})
    lines = f"8:0 Read {count}\n8:0 Write 0\nTotal {count}\n"
    files = {"blkio.throttle.io_service_bytes": lines, "blkio.throttle.io_serviced": lines}
    _write(host.cgroupfs / "blkio" / SCOPE, files)
    assert bool(collect(GuestIo())) is told


def test_pressure_of_a_guest(host: Host, collect: Collect) -> None:
    line = "avg10=0.00 avg60=0.00 avg300=0.00 total="
    _unified(host, {"cpu.pressure": f"some {line}1500000\nfull {line}500000\n"})
    values = collect(GuestPressure())
    assert values == {
        ("pressure_cpu_some_seconds", (UUID,)): 1.5,
        ("pressure_cpu_full_seconds", (UUID,)): 0.5,
    }


def test_memory_events_of_a_guest(host: Host, collect: Collect) -> None:
    _unified(host, {"memory.events": "low 0\nhigh 2\nmax 0\noom 0\noom_kill 1\n"})
    assert collect(GuestMemoryEvents())["memory_events_oom_kill", (UUID,)] == 1


def test_numa_nodes_have_memory_and_misses(host: Host, collect: Collect) -> None:
    for node in (0, 1):
        base = f"devices/system/node/node{node}"
        meminfo = (
            f"Node {node} MemTotal:  1024 kB\nNode {node} MemFree:  512 kB\nNode {node} HugePages_Total: 3\n"
        )
        _write(host.sysfs, {f"{base}/meminfo": meminfo, f"{base}/numastat": "numa_hit 7\nnuma_miss 3\n"})
    values = collect(Numa())
    assert values["numa_free_bytes", ("1",)] == 512 * 1024
    assert values["numa_miss_pages", ("0",)] == 3
    assert ("numa_file_bytes", ("0",)) not in values


def test_huge_pages_by_node_and_size(host: Host, collect: Collect) -> None:
    pool = "devices/system/node/node1/hugepages/hugepages-1048576kB/"
    files = {"nr_hugepages": "8\n", "free_hugepages": "3\n", "surplus_hugepages": "0\n"}
    _write(host.sysfs, {pool + name: text for name, text in files.items()})
    assert collect(Hugepages())["hugepages_free", ("1", "1048576kB")] == 3


def test_the_network_stack_sums_over_cpus(host: Host, collect: Collect) -> None:
    _write(host.procfs, {"net/softnet_stat": "0000ffff 0000000a 00000001\n00000000 00000001 00000002\n"})
    values = collect(NodeNet())
    assert (values["net_softnet_dropped", ()], values["net_softnet_squeezed", ()]) == (11, 3)
    assert ("net_conntrack_entries", ()) not in values


def test_a_connection_table_has_a_share(host: Host, collect: Collect) -> None:
    base = "sys/net/netfilter/nf_conntrack_"
    _write(host.procfs, {"net/softnet_stat": "", f"{base}count": "75\n", f"{base}max": "100\n"})
    assert collect(NodeNet())["net_conntrack_used_ratio", ()] == 0.75


def test_events_of_memory_management(host: Host, collect: Collect) -> None:
    _write(host.procfs, {"vmstat": "pswpin 5\nallocstall_dma 1\nallocstall_normal 2\noom_kill 0\n"})
    values = collect(NodeVmstat())
    assert values == {
        ("vmstat_swap_in_pages", ()): 5,
        ("vmstat_oom_kills", ()): 0,
        ("vmstat_allocation_stalls", ()): 3,
    }


def test_pressure_of_the_node(host: Host, collect: Collect) -> None:
    line = "avg10=0.00 avg60=0.00 avg300=0.00 total="
    _write(
        host.procfs,
        {"pressure/irq": f"full {line}3000000\n", "pressure/cpu": f"some {line}1\nfull {line}0\n"},
    )
    values = collect(NodePressure())
    assert values == {
        ("pressure_irq_full_seconds", ()): 3.0,
        ("pressure_cpu_some_seconds", ()): 1e-06,
    }
