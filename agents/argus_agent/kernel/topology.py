"""Sockets, NUMA nodes, cores and hyperthreads of the machine, from sysfs.

https://docs.kernel.org/admin-guide/cputopology.html and Documentation/ABI/stable/sysfs-devices-node
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from argus_agent.kernel.cpulist import MAX_CPUS, parse_cpulist
from argus_agent.kernel.files import is_absence, numbered, read
from argus_agent.kernel.numbers import integers, parse_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")

TOPOLOGY_MAX_AGE = 300.0


@dataclass(frozen=True, slots=True)
class Cpu:
    """One logical CPU (hyperthread) that is online.

    ``package`` and ``core`` are the kernel's numbers: unique only together, and ``-1`` on machines that
    do not tell.  Where sockets have the same number in each book or drawer (s390), ``package`` counts them
    through.  ``node`` is ``None`` where no NUMA node, or more than one, claims the CPU.  ``siblings``
    share the core.
    """

    number: int
    package: int
    core: int
    node: int | None
    siblings: frozenset[int]


@dataclass(frozen=True, slots=True)
class NumaNode:
    """One NUMA node; ``cpus`` may be empty (memory only), ``distances`` are by node number."""

    number: int
    cpus: frozenset[int]
    distances: dict[int, int]


@dataclass(frozen=True, slots=True)
class Topology:
    """The machine as it is now: hot-plugged and offline CPUs change it."""

    cpus: dict[int, Cpu]
    nodes: dict[int, NumaNode]
    offline: frozenset[int]
    unread: Mapping[str, str] = field(default_factory=dict)
    """Files that are there and could not be read or understood, and why."""

    @property
    def packages(self) -> dict[int, frozenset[int]]:
        """CPUs of each socket."""
        found: dict[int, set[int]] = {}
        for cpu in self.cpus.values():
            found.setdefault(cpu.package, set()).add(cpu.number)
        return {package: frozenset(cpus) for package, cpus in sorted(found.items())}

    @property
    def cores(self) -> tuple[frozenset[int], ...]:
        """The sets of online CPUs that share a core, in order of their first CPU."""
        return tuple(sorted({cpu.siblings for cpu in self.cpus.values()}, key=min))


def read_topology(sysfs: Path) -> Topology:
    """Read the topology below ``sysfs``; a file that cannot be read costs what it tells.

    Raises ``FileNotFoundError`` when sysfs has no CPUs at all, another ``OSError`` when nobody may list them.
    """
    files = _Files()
    base = sysfs / "devices/system/cpu"
    present = _present(base)
    listed = files.parsed(base / "online", parse_cpulist)
    online = {number for number in present if _is_online(files, base, number, listed)}
    nodes = _read_nodes(files, sysfs / "devices/system/node", online)
    sockets = _sockets(files, base, online)
    cpus = {}
    for number in sorted(online):
        topology = base / f"cpu{number}/topology"
        cpus[number] = Cpu(
            number,
            sockets[number],
            files.number(topology / "core_id"),
            _node_of(number, nodes),
            frozenset((_siblings(files, topology) & online) | {number}),
        )
    return Topology(cpus, nodes, frozenset(present - online), files.unread)


class _Files:
    """Reads small files, and keeps why some could not be read."""

    def __init__(self) -> None:
        self.unread: dict[str, str] = {}

    def parsed(self, path: Path, parse: Callable[[str], T]) -> T | None:
        """Return what is in a file; ``None`` where it is missing, not permitted or not understood."""
        try:
            return parse(read(str(path)))
        except OSError as error:
            if not is_absence(error):
                self.unread[str(path)] = str(error)
        except ValueError as error:
            self.unread[str(path)] = f"{path}: {error}"
        return None

    def number(self, path: Path) -> int:
        """Return the number in a file; -1 where there is none."""
        found = self.parsed(path, parse_integer)
        return -1 if found is None else found


class KnownTopology:
    """Keeps the topology, of which a large node has a thousand files, until CPUs come, go or it is old."""

    def __init__(self) -> None:
        self._known: tuple[str, float, Topology] | None = None

    def get(self, sysfs: Path, now: float) -> Topology:
        """Return it; ``now`` is on the monotonic clock.  Raises ``FileNotFoundError`` as the reader does."""
        online = _Files().parsed(sysfs / "devices/system/cpu/online", str) or ""
        known = self._known
        if known is None or known[0] != online or now - known[1] >= TOPOLOGY_MAX_AGE:
            known = self._known = (online, now, read_topology(sysfs))
        return known[2]


def _node_of(cpu: int, nodes: dict[int, NumaNode]) -> int | None:
    """The one node that claims the CPU; firmware that lets several claim it has told us nothing."""
    claiming = [node.number for node in nodes.values() if cpu in node.cpus]
    return claiming[0] if len(claiming) == 1 else None


def _present(base: Path) -> set[int]:
    # Not the file `present`: recorded and virtual machines have it without the directories, or not at all.
    found = set(numbered(str(base), "cpu"))
    if not found:
        raise FileNotFoundError(f"{base} holds no cpu directories: is this a Linux sysfs?")
    return found


def _is_online(files: _Files, base: Path, number: int, listed: frozenset[int] | None) -> bool:
    own = files.parsed(base / f"cpu{number}/online", parse_integer)
    if own is not None:
        return own != 0
    # the boot CPU has no such file, nor have kernels without hot-plug
    return not listed or number in listed


def _sockets(files: _Files, base: Path, cpus: set[int]) -> dict[int, int]:
    """The number of each CPU's socket, unique on the machine: the kernel's is so only within its book."""
    levels = ("drawer_id", "book_id", "physical_package_id")
    places = {
        cpu: tuple(files.number(base / f"cpu{cpu}/topology/{level}") for level in levels) for cpu in cpus
    }
    different = sorted(set(places.values()))
    if len({place[-1] for place in different}) == len(different):
        return {cpu: place[-1] for cpu, place in places.items()}
    return {cpu: different.index(place) for cpu, place in places.items()}


def _siblings(files: _Files, topology: Path) -> frozenset[int]:
    for name in ("thread_siblings_list", "core_cpus_list"):  # the second since Linux 5.3, of the same
        found = files.parsed(topology / name, parse_cpulist)
        if found is not None:
            return found
    return files.parsed(topology / "thread_siblings", parse_cpumask) or frozenset()


def _read_nodes(files: _Files, base: Path, online: set[int]) -> dict[int, NumaNode]:
    nodes: dict[int, NumaNode] = {}
    try:
        numbers = numbered(str(base), "node")
    except OSError as error:
        files.unread[str(base)] = str(error)
        return nodes
    for number in numbers:
        node = base / f"node{number}"
        # Distances are listed for the nodes that are there, in order, whatever their numbers.
        found = files.parsed(node / "distance", lambda text: integers(text.split())) or []
        known = found if len(found) == len(numbers) else []
        distances = {to: each for to, each in zip(numbers, known, strict=False) if each is not None}
        nodes[number] = NumaNode(number, frozenset(_node_cpus(files, node) & online), distances)
    return nodes


def _node_cpus(files: _Files, node: Path) -> frozenset[int]:
    found = files.parsed(node / "cpulist", parse_cpulist)
    if found is None:
        found = files.parsed(node / "cpumap", parse_cpumask)
    return frozenset(numbered(str(node), "cpu")) if found is None else found


def parse_cpumask(text: str) -> frozenset[int]:
    """Return the CPUs of a mask of hexadecimal words, highest first: ``00000000,0000ff00``.

    Raises ``ValueError`` when it is none.
    """
    bits = int(text.strip().replace(",", "") or "0", 16)
    if not 0 <= bits.bit_length() <= MAX_CPUS:
        raise ValueError(f"{text.strip()[:80]!r} is not a mask of CPUs")
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)
