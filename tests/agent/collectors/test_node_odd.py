"""Files of the node that are missing, odd or not permitted: each costs its own value, and is counted.

EACCES is played by a folder in the file's place, since root may read every file but no folder.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded import FIXTURES, recorded_cycle, recorded_host

from argus.catalogue.model import Value, samples_of
from argus_agent.collectors import load_collectors
from argus_agent.collectors.guest_tap import GuestTap
from argus_agent.collectors.hugepages import Hugepages
from argus_agent.collectors.ksm import Ksm
from argus_agent.collectors.node_block import NodeBlock
from argus_agent.collectors.node_cpu import NodeCpu
from argus_agent.collectors.node_load import NodeLoad
from argus_agent.collectors.node_memory import NodeMemory
from argus_agent.collectors.node_net import NodeNet
from argus_agent.collectors.node_pressure import NodePressure
from argus_agent.collectors.numa import Numa
from argus_agent.collectors.numa_cpu import NumaCpu
from argus_agent.collectors.thp import Thp
from argus_agent.cycle import Collector, Cycle, NoData
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import parse_stat

Values = dict[tuple[str, ...], Value]
NODE = FIXTURES / "two-socket-v2"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sys").mkdir()
    return tmp_path


def write(root: Path, files: dict[str, str]) -> Host:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return recorded_host(root)


def told(collector: Collector, cycle: Cycle) -> Values:
    return {(s.metric.field, *s.labels): s.value for s in samples_of(collector.collect(cycle))}


def test_a_disk_without_a_scheduler_tells_its_counters(root: Path) -> None:
    host = write(root, {"sys/block/nvme1n1/device/model": "m", "sys/block/nvme1n1/stat": "7 0 x 0 9 0 16\n"})
    assert told(NodeBlock(), Cycle(host, 0.0)) == {
        ("block_read_ops", "nvme1n1"): 7,
        ("block_write_ops", "nvme1n1"): 9,
        ("block_write_bytes", "nvme1n1"): 16 * 512,
    }


def test_a_disk_without_counters_tells_its_scheduler(root: Path) -> None:
    host = write(root, {"sys/block/sda/device/model": "m", "sys/block/sda/queue/scheduler": "none\n"})
    assert told(NodeBlock(), Cycle(host, 0.0)) == {("block_scheduler", "sda"): "none"}


def test_a_scheduler_that_is_not_marked_is_not_guessed(root: Path) -> None:
    files = {"device/model": "m", "queue/scheduler": "noop deadline\n", "stat": "7 0 8\n"}
    host = write(root, {f"sys/block/sda/{name}": text for name, text in files.items()})
    cycle = Cycle(host, 0.0)
    assert ("block_scheduler", "sda") not in told(NodeBlock(), cycle)
    assert len(cycle.unread_files) == 1


def test_a_hidden_path_of_an_nvme_disk_is_no_disk(root: Path) -> None:
    files = {f"sys/block/{disk}/stat": "7 0 8\n" for disk in ("nvme0n1", "nvme0c0n1")}
    files |= {f"sys/block/{disk}/device/model": "m" for disk in ("nvme0n1", "nvme0c0n1")}
    files |= {"sys/block/nvme0n1/hidden": "0\n", "sys/block/nvme0c0n1/hidden": "1\n"}
    found = told(NodeBlock(), Cycle(write(root, files), 0.0))
    assert {labels[1] for labels in found} == {"nvme0n1"}


def test_pressure_that_is_switched_off_is_no_data(root: Path) -> None:
    refusing = [p for p in Path("/sys/class/net").glob("*/phys_port_name") if _refuses(p)]
    if not refusing:
        pytest.skip("no file of this kernel refuses with EOPNOTSUPP")
    (root / "proc/pressure").mkdir(parents=True)
    (root / "proc/pressure/cpu").symlink_to(refusing[0])
    with pytest.raises(NoData, match="psi"):
        told(NodePressure(), Cycle(recorded_host(root), 0.0))


def _refuses(path: Path) -> bool:
    try:
        path.read_text()
    except OSError:
        return True
    return False


def test_pressure_of_one_resource_that_may_not_be_read_costs_that_one_and_is_counted(root: Path) -> None:
    host = write(root, {"proc/pressure/io": "some avg10=0.00 total=2000000\nodd\n"})
    (root / "proc/pressure/memory").mkdir()
    cycle = Cycle(host, 0.0)
    assert told(NodePressure(), cycle) == {("pressure_io_some_seconds",): 2.0}
    assert list(cycle.unread_files) == [str(root / "proc/pressure/memory")]


def test_a_node_where_no_pressure_may_be_read_is_not_one_without_pressure(root: Path) -> None:
    (root / "proc/pressure/io").mkdir(parents=True)
    cycle = Cycle(recorded_host(root), 0.0)
    assert told(NodePressure(), cycle) == {}
    assert cycle.unread_files


def test_iowait_that_steps_back_is_told_as_it_was(root: Path) -> None:
    collector = NodeCpu()
    host = write(
        root, {"proc/stat": "cpu 100 0 100 5000 900 0 0 0\n", "sys/devices/system/cpu/online": "0\n"}
    )
    before = told(collector, Cycle(host, 0.0))
    write(root, {"proc/stat": "cpu 100 0 100 5900 880 0 0 0\n"})
    after = told(collector, Cycle(host, 0.0))
    assert after["cpu_iowait_seconds",] == before["cpu_iowait_seconds",] == 9.0
    assert after["cpu_used_ratio",] == 0


def test_idle_time_of_a_numa_node_does_not_step_back_until_a_cpu_was_taken_out(root: Path) -> None:
    files = {f"sys/devices/system/cpu/cpu{n}/topology/core_id": f"{n}\n" for n in (0, 1)}
    host = write(root, files | {"sys/devices/system/node/node0/cpulist": "0-1\n"})
    collector, seen = NumaCpu(), []
    for idle in (5000, 4990, 5100, 100):
        write(root, {"proc/stat": f"cpu0 1 0 1 {idle} 0 0 0 0\ncpu1 1 0 1 5000 0 0 0 0\n"})
        seen.append(told(collector, Cycle(host, 0.0))["numa_cpu_idle_seconds", "0"])
    assert seen == [100.0, 100.0, 101.0, 51.0]


def test_a_numa_node_with_a_cpu_that_is_not_understood_has_no_sum(root: Path) -> None:
    files = {f"sys/devices/system/cpu/cpu{n}/topology/core_id": f"{n}\n" for n in (0, 1)}
    files |= {f"sys/devices/system/node/node{n}/cpulist": f"{n}\n" for n in (0, 1)}
    host = write(root, files | {"proc/stat": "cpu0 1 0 1 50 0 0 0 0\ncpu1 odd\n"})
    assert {labels[1] for labels in told(NumaCpu(), Cycle(host, 0.0))} == {"0"}


def test_a_kernel_without_steal_tells_the_rest(root: Path) -> None:
    host = write(root, {"proc/stat": "cpu 100 0 100 5000\n"})
    found = told(NodeCpu(), Cycle(host, 0.0))
    assert found["cpu_idle_seconds",] == 50
    assert ("cpu_steal_seconds",) not in found
    assert ("cpu_online",) not in found, "not there is not zero"


def test_memory_that_an_old_kernel_does_not_tell_is_absent(root: Path) -> None:
    host = write(
        root, {"proc/meminfo": "MemTotal: 1000 kB\nMemFree: 10 kB\nBuffers: many kB\nCached: 5 kB\n"}
    )
    assert told(NodeMemory(), Cycle(host, 0.0)) == {
        ("memory_total_bytes",): 1000 * 1024,
        ("memory_free_bytes",): 10 * 1024,
        ("memory_cached_bytes",): 5 * 1024,
        ("memory_hugetlb_bytes",): 0,
    }


def test_each_figure_of_load_is_told_by_itself(root: Path) -> None:
    host = write(
        root, {"proc/loadavg": "nan 1 1\n", "proc/uptime": "5.25 1.0\n", "proc/stat": "procs_running 3\n"}
    )
    cycle = Cycle(host, 0.0)
    assert told(NodeLoad(), cycle) == {("load_tasks_running",): 3, ("load_uptime_seconds",): 5.25}
    assert len(cycle.unread_files) == 1


def test_softnet_and_connection_tracking_do_without_each_other(root: Path) -> None:
    host = write(root, {"proc/sys/net/netfilter/nf_conntrack_count": "5\n", "proc/net/softnet_stat": "\n"})
    cycle = Cycle(host, 0.0)
    assert told(NodeNet(), cycle) == {("net_conntrack_entries",): 5}
    assert list(cycle.unread_files) == [str(root / "proc/net/softnet_stat")], "no CPU is not no loss"


def test_each_file_of_a_numa_node_is_told_by_itself(root: Path) -> None:
    node = "sys/devices/system/node"
    files = {f"{node}/node0/meminfo": "Node 0 MemTotal: 7 kB\nNode 0 odd\n", f"{node}/node8/cpulist": "\n"}
    files |= {f"{node}/node0/cpulist": "0-x\n", f"{node}/node8/numastat": "numa_hit 5\nnuma_miss\n"}
    cycle = Cycle(write(root, files), 0.0)
    found = told(Numa(), cycle)
    assert found["numa_total_bytes", "0"] == 7 * 1024
    assert found["numa_cpus", "8"] == 0, "memory only"
    assert ("numa_cpus", "0") not in found
    assert len(cycle.unread_files) == 1


def test_each_file_of_ksm_thp_and_huge_pages_is_told_by_itself(root: Path) -> None:
    mm = "sys/kernel/mm"
    files = {f"{mm}/ksm/run": "odd\n", f"{mm}/ksm/pages_shared": "5\n"}
    files |= {
        f"{mm}/transparent_hugepage/enabled": "always\n",
        f"{mm}/transparent_hugepage/defrag": "[always]\n",
    }
    files |= {f"{mm}/hugepages/hugepages-2048kB/resv_hugepages": "3\n"}
    cycle = Cycle(write(root, files), 0.0)
    assert told(Ksm(), cycle) == {("ksm_pages_shared",): 5}
    assert told(Thp(), cycle) == {("thp_defrag",): "always"}
    assert told(Hugepages(), cycle) == {("hugepages_reserved", "2048kB"): 3}, "without NUMA"
    assert len(cycle.unread_files) == 2


def test_a_counter_of_a_tap_that_may_not_be_read_costs_that_one(root: Path) -> None:
    statistics = "sys/class/net/tap7/statistics"
    host = write(root, {f"{statistics}/rx_dropped": "4\n", f"{statistics}/tx_dropped/x": ""})
    guest = RunningGuest("g", "u", 5, "running", "", {}, {"52:54:00:00:00:07": "tap7"})
    process = GuestProcess(guest, parse_stat("5 (q) S " + " ".join(["0"] * 50)), {}, ())
    cycle = Cycle(host, 0.0, running=lambda: (process,))
    assert told(GuestTap(), cycle) == {("tap_from_guest_drops", "u", "52:54:00:00:00:07"): 4}
    assert list(cycle.unread) == ["u"]


def node_files() -> list[str]:
    """Every file that tells of the node itself, but those without which a collector has nothing."""
    needed = {"proc/stat", "proc/meminfo", "proc/vmstat", "proc/schedstat"}
    paths = (path for top in ("proc", "sys") for path in sorted((NODE / top).rglob("*")) if path.is_file())
    names = (str(path.relative_to(NODE)) for path in paths)
    return [
        n for n in names if n not in needed and not n.startswith("sys/fs/cgroup") and not n[5:6].isdecimal()
    ]


def refuse(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Path.unlink,
        refuse,
        functools.partial(Path.write_bytes, data=b""),
        functools.partial(Path.write_bytes, data=b"\xff\x00 nonsense: \xf0 -1 99999999999999999999999999\n"),
    ],
    ids=["gone", "refused", "empty", "nonsense"],
)
def test_no_optional_file_of_a_recorded_node_costs_a_collector(
    fault: Callable[[Path], object], tmp_path: Path
) -> None:
    root = shutil.copytree(NODE, tmp_path / "node")
    cycle = recorded_cycle(host=recorded_host(root))
    collectors = {
        n: c
        for n, c in load_collectors().items()
        if c.stats is None and n.startswith(("node_", "numa", "huge", "ksm", "thp"))
    }
    names = node_files()
    assert len(names) > 100
    for name in names:
        fault(root / name)
        for collector in collectors.values():
            try:
                list(collector.collect(cycle))
            except NoData:
                continue
        if (root / name).is_dir():
            (root / name).rmdir()
        shutil.copyfile(NODE / name, root / name)
