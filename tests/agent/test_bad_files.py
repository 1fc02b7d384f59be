"""A recorded node whose files vanish, shrink or cannot be read, one after the other: who pays for it?

EACCES is played by a folder in the file's place, since root may read every file but no folder.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from recorded import FIXTURES
from recorded_libvirt import RecordedLibvirt

from argus.catalogue import agent, guest_state
from argus.catalogue.model import Sample
from argus_agent.collectors import load_collectors
from argus_agent.cycle import Allocation
from argus_agent.host import Host
from argus_agent.page_walks import PageWalks
from argus_agent.runner import Runner

NODE = FIXTURES / "two-socket-v2"
LARGE = "c4a0e1d2-3b5f-4c6a-9d7e-8f90a1b2c3d4"
SMALL = "d5b1f2e3-4c60-4d7b-8e8f-90a1b2c3d4e5"
SCOPE = "sys/fs/cgroup/machine.slice/machine-qemu\\x2d3\\x2dinstance\\x2d00000003.scope"


WELL = [lambda: None, lambda: None]  # until it has the second recorded answer, and then that one again


def own_files() -> list[str]:
    """Every file that only tells of the large guest: of its process and of its control groups."""
    roots = (NODE / "proc/5303", NODE / SCOPE)
    paths = (path for root in roots for path in sorted(root.rglob("*")) if path.is_file())
    return ["run/qemu/instance-00000003.xml", *(str(path.relative_to(NODE)) for path in paths)]


def vanish(file: Path) -> None:
    file.unlink()


def shrink(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def refuse(file: Path) -> None:
    file.unlink()
    file.mkdir()


def nonsense(file: Path) -> None:
    file.write_bytes(b"\xff\x00 nonsense: \xf0 -1 99999999999999999999999999\n" * 3)


def cycles(root: Path, spoils: Iterable[Callable[[], None]]) -> Iterator[tuple[Sample, ...]]:
    """Run all collectors on the node as recorded, and again each time that it was spoiled."""
    now = 1000.0
    host = Host("node-1", root / "proc", root / "sys", root / "run", lambda: now, lambda: now)
    libvirt = RecordedLibvirt(root, step=1000.0)
    walks = PageWalks(host, thread=False)
    runner = Runner(host, load_collectors(), libvirt, Allocation(), walks=walks)  # type: ignore[arg-type]
    for number, change in enumerate((*WELL, *spoils)):
        change()
        runner.walks.read_asked(5)
        samples = runner.run().samples
        now += libvirt.step  # everything has its turn
        if number >= len(WELL):
            yield samples


def last_cycle(root: Path, spoil: Callable[[], None]) -> tuple[Sample, ...]:
    """Return what the cycle after one such change tells."""
    return next(cycles(root, [spoil]))


def about(samples: tuple[Sample, ...], uuid: str) -> list[Sample]:
    """What is told of a guest, without the times and what counts them."""
    own = (s for s in samples if s.metric.entity.of_guest and s.labels[0] == uuid)
    return [s._replace(at=None) for s in own if s.metric is not guest_state.HELD]


@pytest.fixture(scope="module")
def unspoiled(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """What the small guest tells of itself."""
    root = tmp_path_factory.mktemp("well") / "node"
    shutil.copytree(NODE, root)
    return about(last_cycle(root, lambda: None), SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [vanish, shrink, empty, refuse, nonsense])
def test_a_bad_file_of_one_guest_costs_no_collector_and_no_other_guest(
    fault: Callable[[Path], None], unspoiled: list[Sample], tmp_path: Path
) -> None:
    assert len(unspoiled) > 50
    root = tmp_path / "node"
    shutil.copytree(NODE, root)
    names = own_files()
    spoils = [functools.partial(spoil, fault, root, before, name) for before, name in pairwise(["", *names])]
    for name, samples in zip(names, cycles(root, spoils), strict=True):
        failed = [s.labels for s in samples if s.metric is agent.SUCCESS and not s.value]
        assert failed == [], name
        assert about(samples, SMALL) == unspoiled, name


def spoil(fault: Callable[[Path], None], root: Path, before: str, name: str) -> None:
    """Spoil one file, after making the one of before whole again."""
    if before:
        restore(root / before, NODE / before)
    fault(root / name)


def restore(file: Path, original: Path) -> None:
    if file.is_dir():
        file.rmdir()
    file.write_bytes(original.read_bytes())


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    root = tmp_path / "node"
    shutil.copytree(NODE, root)
    samples = last_cycle(root, lambda: refuse(root / "proc/5303/numa_maps"))
    unread = {s.labels[0]: s.value for s in samples if s.metric is agent.UNREAD}
    assert unread["guest_numa"] == 1
    assert sum(map(float, unread.values())) == 1


def test_a_process_that_ends_between_two_reads_is_no_trouble(tmp_path: Path) -> None:
    root = tmp_path / "node"
    shutil.copytree(NODE, root)
    samples = last_cycle(root, lambda: shutil.rmtree(root / "proc/5303"))
    assert {s.value for s in samples if s.metric is agent.UNREAD} == {0}
    assert {s.labels[0] for s in samples if s.metric.prometheus_name == "argus_guest_threads_alive"} == {
        SMALL
    }
