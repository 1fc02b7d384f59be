"""A few large guests of 4 KiB pages: how long a cycle takes beside them, and how long their mmap() waits.

No QEMU: what is asked is how long calls in its address space wait, and only that process itself can tell.
Each stand-in has a control group and a status file like libvirt's, so that the agent takes it for a guest.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent_bench.contestants import Agent
from agent_bench.usage import cpu_seconds
from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stack.lab import Lab

CGROUPS = Path("/sys/fs/cgroup")
GUEST = Path(__file__).with_name("large_guest.py")
INTERVAL = 2.0
CYCLES = 10
STATUS = """\
<domstatus state='running' reason='booted' pid='{pid}'>
  <vcpus><vcpu id='0' pid='{pid}'/></vcpus>
  <domain type='qemu' id='{number}'><name>{name}</name><uuid>{uuid}</uuid>
    <memory unit='MiB'>{mib}</memory><vcpu>1</vcpu></domain>
</domstatus>
"""


@dataclass(frozen=True, slots=True)
class LargeRow:
    """Seconds: the longest cycle, the agent's CPU time a cycle, and the longest that an mmap() took."""

    name: str
    guests: int
    mib: int
    cycle: float | None
    own: float | None
    mmap: float


@dataclass(frozen=True, slots=True)
class LargeNode:
    """What ``Agent`` wants to know of a node; libvirt's test driver has no guests of its own that count."""

    rundir: Path
    uri: str = "test:///default"


class LargeGuest:
    """A stand-in that runs."""

    def __init__(self, number: int, mib: int) -> None:
        self.name = f"argus-large-{number}"
        self.number = number
        self.mib = mib
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.argus-bench"))
        self.process = subprocess.Popen(
            [sys.executable, str(GUEST), str(mib), "-uuid", self.uuid],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write_status(self, rundir: Path) -> None:
        text = STATUS.format(
            pid=self.process.pid, number=self.number, name=self.name, uuid=self.uuid, mib=self.mib
        )
        (rundir / "qemu" / f"{self.name}.xml").write_text(text)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def fill(self) -> None:
        """Touch all pages.  Raises ``LabError`` when it cannot."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if self.line() != "ready":
            raise LabError(f"{self.name} does not start: is there {self.mib} MiB of memory?")

    def longest(self) -> float:
        """Seconds of the longest mmap() since it was asked last.  Raises ``LabError`` when it ended."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.line()
        if not answer:
            raise LabError(f"{self.name} ended: is there {self.mib} MiB of memory?")
        return float(answer)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def measure_large(lab: Lab, guests: int, mib: int, tell: Callable[[str], None]) -> list[LargeRow]:
    """Measure nobody, the agent, and who reads page tables in each cycle.  Raises ``LabError``."""
    rundir = lab.folder("large") / "run"
    (rundir / "qemu").mkdir(parents=True, exist_ok=True)
    for left in (rundir / "qemu").glob("*.xml"):
        left.unlink()
    rows = []
    with ExitStack() as stack:
        running = [LargeGuest(number, mib) for number in range(1, guests + 1)]
        for guest in running:
            stack.callback(guest.stop)

        def row(name: str, turn: Callable[[], tuple[float | None, float | None]]) -> None:
            tell(f"large guests: {name}")
            for guest in running:
                guest.longest()
            cycle, own = turn()
            rows.append(LargeRow(name, guests, mib, cycle, own, max(guest.longest() for guest in running)))

        with _own_groups(running):
            for guest in running:
                tell(f"large guest {guest.number} of {guests}: {mib} MiB of 4 KiB pages")
                guest.fill()
                guest.write_status(rundir)
            row("(nobody)", _nobody)
            row("argus-agent", lambda: _agent(lab, rundir, guests))
            row("numa_maps and smaps_rollup of each in each cycle", lambda: _walk(running))
        row("argus-agent, guests without a group of their own", lambda: _agent(lab, rundir, guests))
    return rows


def _nobody() -> tuple[None, None]:
    time.sleep(CYCLES * INTERVAL)
    return None, None


def _agent(lab: Lab, rundir: Path, guests: int) -> tuple[float, float]:
    agent = Agent(lab, LargeNode(rundir))
    try:
        agent.start(INTERVAL, guests)
        pid = agent.pid()
        assert pid is not None, "it was scraped"
        before, walls = cpu_seconds(pid), []
        for _ in range(CYCLES):
            time.sleep(INTERVAL)
            walls.append(agent.scrape().wall or 0.0)
        return max(walls), (cpu_seconds(pid) - before) / CYCLES
    except DownError as failure:
        raise LabError(str(failure)) from None
    finally:
        agent.stop()


def _walk(guests: list[LargeGuest]) -> tuple[float, float]:
    """What the agent did before memory.numa_stat: a reference for the same machine at the same hour."""
    walls = []
    before = time.process_time()
    for _ in range(CYCLES):
        begun = time.perf_counter()
        for guest in guests:
            for file in ("numa_maps", "smaps_rollup"):
                Path(f"/proc/{guest.process.pid}/{file}").read_bytes()
        walls.append(time.perf_counter() - begun)
        time.sleep(max(0.0, INTERVAL - walls[-1]))
    return max(walls), (time.process_time() - before) / CYCLES


@contextmanager
def _own_groups(guests: list[LargeGuest]) -> Iterator[None]:
    """Put each into a group as libvirt makes it, of the memory controller, and back.  Raises ``LabError``."""
    mount = CGROUPS / "memory" if (CGROUPS / "memory").is_dir() else CGROUPS
    made = []
    try:
        for guest in guests:
            home = _group_of(guest.process.pid, "memory" if mount != CGROUPS else "")
            group = mount / f"machine/qemu-{guest.number}-{guest.name}.libvirt-qemu"
            _make(group, mount)
            made.append((group, mount / home.lstrip("/"), guest.process.pid))
            (group / "cgroup.procs").write_text(str(guest.process.pid))
        yield
    except OSError as failure:
        raise LabError(f"control groups of large guests: {failure}") from None
    finally:
        for group, before, pid in reversed(made):
            (before / "cgroup.procs").write_text(str(pid))
            group.rmdir()


def _make(group: Path, mount: Path) -> None:
    for parent in (mount, group.parent):
        parent.mkdir(exist_ok=True)
        control = parent / "cgroup.subtree_control"
        if control.exists():  # version 2
            control.write_text("+memory")
    group.mkdir(exist_ok=True)


def _group_of(pid: int, controller: str) -> str:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    return "/"


def large_table(rows: list[LargeRow]) -> str:
    """Milliseconds, for a terminal and for the documentation alike."""
    lines = [
        "| guests | collector | longest cycle ms | own CPU ms | longest mmap() ms |",
        "|---|---|---:|---:|---:|",
    ]
    for row in rows:
        figures = (
            f"{value * 1000:.1f}" if value is not None else "" for value in (row.cycle, row.own, row.mmap)
        )
        lines.append(f"| {row.guests} of {row.mib / 1024:g} GiB | {row.name} | {' | '.join(figures)} |")
    return "\n".join(lines)
