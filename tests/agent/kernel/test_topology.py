"""The machine's topology: on trees made here, and on recorded machines where they are at hand."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.cpulist import format_cpulist
from argus_agent.kernel.topology import parse_cpumask, read_topology

RECORDED = next(
    (found for top in Path(__file__).parents if (found := top / "shared/samples/hosts").is_dir()), None
)
"""Machines that others recorded, beside the project: not part of it, so that they may be absent."""

# name, CPUs, sockets, cores, CPUs by NUMA node
MACHINES = [
    ("16amd64-8n2c.tar.bz2", 16, 8, 16, {n: f"{2 * n}-{2 * n + 1}" for n in range(8)}),
    ("32amd64-4s2n4c-cgroup2.tar.bz2", 32, 4, 32, {n: f"{4 * n}-{4 * n + 3}" for n in range(8)}),
    ("32em64t-2n8c+dax+nvme+mic+dimms.tar.bz2", 16, 2, 16, {0: "0-7", 1: "8-15"}),
    ("vmware_fpe.tar.gz", 16, 2, 8, {0: "0-3", 1: "4-7", 2: "8-11", 3: "12-15"}),
    (
        "x86_64-epyc_7451.tar.gz",
        96,
        2,
        48,
        {n: f"{6 * n}-{6 * n + 5},{48 + 6 * n}-{48 + 6 * n + 5}" for n in range(8)},
    ),
]


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def _two_threads(offline: str = "") -> dict[str, str]:
    """One socket, two cores, two threads each: siblings are 0,2 and 1,3."""
    files = {}
    for cpu in range(4):
        base = f"devices/system/cpu/cpu{cpu}"
        files[f"{base}/topology/physical_package_id"] = "0\n"
        files[f"{base}/topology/core_id"] = f"{cpu % 2}\n"
        files[f"{base}/topology/thread_siblings_list"] = f"{cpu % 2},{cpu % 2 + 2}\n"
        if cpu:
            files[f"{base}/online"] = "0\n" if str(cpu) in offline else "1\n"
    files["devices/system/node/node0/cpulist"] = "0-3\n"
    files["devices/system/node/node0/distance"] = "10\n"
    return files


def test_siblings_share_a_core(tmp_path: Path) -> None:
    topology = read_topology(_tree(tmp_path, _two_threads()))
    assert topology.cores == (frozenset({0, 2}), frozenset({1, 3}))
    assert topology.packages == {0: frozenset({0, 1, 2, 3})}


def test_an_offline_cpu_belongs_to_no_core_and_no_node(tmp_path: Path) -> None:
    topology = read_topology(_tree(tmp_path, _two_threads(offline="3")))
    assert topology.offline == {3}
    assert topology.cores == (frozenset({0, 2}), frozenset({1}))
    assert topology.nodes[0].cpus == {0, 1, 2}


def test_a_cpu_that_two_nodes_claim_has_no_node(tmp_path: Path) -> None:
    files = _two_threads() | {"devices/system/node/node1/cpulist": "2-3\n"}
    topology = read_topology(_tree(tmp_path, files))
    assert [topology.cpus[n].node for n in range(4)] == [0, 0, None, None]


def test_distances_belong_to_the_nodes_that_exist(tmp_path: Path) -> None:
    files = _two_threads() | {
        "devices/system/node/node0/distance": "10 21\n",
        "devices/system/node/node2/distance": "21 10\n",
        "devices/system/node/node2/cpulist": "\n",
    }
    topology = read_topology(_tree(tmp_path, files))
    assert topology.nodes[0].distances == {0: 10, 2: 21}
    assert topology.nodes[2].cpus == frozenset()


def test_a_machine_without_cpus_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        read_topology(tmp_path)


@given(st.frozensets(st.integers(0, 127)))
def test_a_mask_names_its_cpus(cpus: frozenset[int]) -> None:
    digits = f"{sum(1 << cpu for cpu in cpus):032x}"
    assert parse_cpumask(",".join(digits[i : i + 8] for i in range(0, 32, 8))) == cpus


def _recorded(name: str, folder: Path) -> Path:
    if RECORDED is None or not (RECORDED / name).is_file():
        pytest.skip("recorded machines are not at hand")
    subprocess.run(["tar", "-xf", RECORDED / name, "-C", folder], check=True, timeout=60)
    return next(folder.glob("*/sys"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cpus", "sockets", "cores", "nodes"), MACHINES, ids=lambda v: str(v)[:24])
def test_recorded_machines_are_read_correctly(
    name: str, cpus: int, sockets: int, cores: int, nodes: dict[int, str], tmp_path: Path
) -> None:
    topology = read_topology(_recorded(name, tmp_path))
    assert (len(topology.cpus), len(topology.packages), len(topology.cores)) == (cpus, sockets, cores)
    assert {n.number: format_cpulist(n.cpus) for n in topology.nodes.values()} == nodes


def test_a_recorded_machine_with_broken_numa_data_has_no_nodes_for_its_cpus(tmp_path: Path) -> None:
    topology = read_topology(_recorded("8em64t-2s2ca2c-buggynuma.tar.bz2", tmp_path))
    assert len(topology.packages) == 2
    assert {cpu.node for cpu in topology.cpus.values()} == {None}


def test_a_recorded_machine_with_interleaved_numbers_keeps_its_siblings(tmp_path: Path) -> None:
    topology = read_topology(_recorded("x86_64-64cpu.tar.gz", tmp_path))
    assert (len(topology.packages), len(topology.cores)) == (4, 32)
    assert all(len(core) == 2 for core in topology.cores)


def _sockets(root: Path, places: Sequence[tuple[str, ...]]) -> list[str]:
    levels = ("physical_package_id", "book_id", "drawer_id")
    for cpu, place in enumerate(places):
        base = f"devices/system/cpu/cpu{cpu}/topology"
        _tree(root, {f"{base}/{level}": f"{text}\n" for level, text in zip(levels, place, strict=False)})
    return [format_cpulist(cpus) for cpus in read_topology(root).packages.values()]


def test_sockets_of_two_books_are_two_though_they_have_one_number(tmp_path: Path) -> None:
    assert _sockets(tmp_path, [("0", "0"), ("0", "0"), ("0", "1"), ("0", "1")]) == ["0-1", "2-3"]


def test_sockets_of_two_drawers_are_two_as_well(tmp_path: Path) -> None:
    places = [("0", "0", "0"), ("1", "0", "0"), ("0", "0", "1"), ("1", "0", "1")]
    assert _sockets(tmp_path, places) == ["0", "1", "2", "3"]


def test_sockets_that_are_numbered_through_keep_their_numbers(tmp_path: Path) -> None:
    assert _sockets(tmp_path, [("4", "0"), ("7", "1")]) == ["0", "1"]
    assert list(read_topology(tmp_path).packages) == [4, 7]


def test_a_file_that_is_odd_or_not_permitted_costs_what_it_tells_and_is_counted(tmp_path: Path) -> None:
    files = _two_threads()
    files["devices/system/cpu/cpu1/topology/core_id"] = "odd\n"
    files["devices/system/node/node0/distance"] = "10 x\n"
    del files["devices/system/cpu/cpu2/topology/physical_package_id"]
    root = _tree(tmp_path, files)
    (root / "devices/system/cpu/cpu2/topology/physical_package_id").mkdir()
    topology = read_topology(root)
    assert topology.cpus[1].core == -1
    assert topology.cpus[2].package == -1
    assert topology.nodes[0].distances == {}, "two distances of one node cannot be told apart"
    assert len(topology.unread) == 2


def test_a_kernel_that_lists_siblings_by_their_new_name_or_as_a_mask_alone(tmp_path: Path) -> None:
    files = {}
    for cpu in range(4):
        base = f"devices/system/cpu/cpu{cpu}/topology"
        name, text = ("core_cpus_list", "0,2") if cpu in (0, 2) else ("thread_siblings", "0000000a")
        files[f"{base}/{name}"] = f"{text}\n"
    assert [sorted(core) for core in read_topology(_tree(tmp_path, files)).cores] == [[0, 2], [1, 3]]


def test_nodes_that_may_not_be_listed_are_not_a_machine_without_numa(tmp_path: Path) -> None:
    sysfs = _tree(tmp_path, {"devices/system/cpu/cpu0/topology/core_id": "0"})
    (sysfs / "devices/system/node").symlink_to("node")  # nobody lists a link to itself, as with EACCES
    assert list(read_topology(sysfs).unread) == [str(sysfs / "devices/system/node")]


def test_a_node_without_lists_has_the_cpus_that_are_linked_in_it(tmp_path: Path) -> None:
    files = {f"devices/system/cpu/cpu{cpu}/topology/core_id": f"{cpu}\n" for cpu in range(12)}
    files |= {f"devices/system/node/node0/cpu{cpu}/topology/core_id": f"{cpu}\n" for cpu in (0, 1, 10, 11)}
    files["devices/system/node/node0/cpufreq/x"] = "no CPU\n"
    topology = read_topology(_tree(tmp_path, files))
    assert topology.nodes[0].cpus == {0, 1, 10, 11}
