"""Sockets, NUMA nodes, cores and hyperthreads of the machine, from sysfs.

https://docs.kernel.org/admin-guide/cputopology.html and Documentation/ABI/stable/sysfs-devices-node
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import parse_cpulist

if TYPE_CHECKING:
    from pathlib import Path

TOPOLOGY_MAX_AGE = 300.0


@dataclass(frozen=True, slots=True)
class Cpu:
    """One logical CPU (hyperthread) that is online.

    ``package`` and ``core`` are the kernel's numbers: unique only together, and ``-1`` on machines that
    do not tell.  ``node`` is ``None`` where no NUMA node, or more than one, claims the CPU.  ``siblings``
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
    """Read the topology below ``sysfs``.

    Raises ``FileNotFoundError`` when sysfs has no CPUs at all.
    """
    base = sysfs / "devices/system/cpu"
    present = _present(base)
    online = {number for number in present if _is_online(base, number)}
    nodes = _read_nodes(sysfs / "devices/system/node", online)
    cpus = {number: _read_cpu(base, number, online, _node_of(number, nodes)) for number in sorted(online)}
    return Topology(cpus, nodes, frozenset(present - online))


class KnownTopology:
    """Keeps the topology, of which a large node has a thousand files, until CPUs come, go or it is old."""

    def __init__(self) -> None:
        self._known: tuple[str, float, Topology] | None = None

    def get(self, sysfs: Path, now: float) -> Topology:
        """Return it; ``now`` is on the monotonic clock.  Raises ``FileNotFoundError`` as the reader does."""
        online = _text(sysfs / "devices/system/cpu/online")
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
    found = {int(path.name[3:]) for path in base.glob("cpu[0-9]*") if path.name[3:].isdecimal()}
    if not found:
        raise FileNotFoundError(f"{base} holds no cpu directories: is this a Linux sysfs?")
    return found


def _is_online(base: Path, number: int) -> bool:
    try:
        return (base / f"cpu{number}/online").read_text().strip() != "0"
    except FileNotFoundError:  # the boot CPU has no such file, nor have kernels without hot-plug
        listed = _text(base / "online")
        return number in parse_cpulist(listed) if listed else True


def _read_cpu(base: Path, number: int, online: set[int], node: int | None) -> Cpu:
    topology = base / f"cpu{number}/topology"
    siblings = parse_cpulist(_text(topology / "thread_siblings_list")) & online
    return Cpu(
        number,
        _number(topology / "physical_package_id"),
        _number(topology / "core_id"),
        node,
        frozenset(siblings | {number}),
    )


def _read_nodes(base: Path, online: set[int]) -> dict[int, NumaNode]:
    numbers = sorted(int(path.name[4:]) for path in base.glob("node[0-9]*") if path.name[4:].isdecimal())
    nodes = {}
    for number in numbers:
        node = base / f"node{number}"
        # Distances are listed for the nodes that are there, in order, whatever their numbers.
        distances = [int(word) for word in _text(node / "distance").split()]
        cpus = _node_cpus(node) & online
        nodes[number] = NumaNode(number, frozenset(cpus), dict(zip(numbers, distances, strict=False)))
    return nodes


def _node_cpus(node: Path) -> frozenset[int]:
    listed = _text(node / "cpulist")
    if listed:
        return parse_cpulist(listed)
    mask = _text(node / "cpumap")
    if mask:
        return parse_cpumask(mask)
    return frozenset(int(path.name[3:]) for path in node.glob("cpu[0-9]*") if path.name[3:].isdecimal())


def parse_cpumask(text: str) -> frozenset[int]:
    """Return the CPUs of a mask of hexadecimal words, highest first: ``00000000,0000ff00``."""
    bits = int(text.strip().replace(",", "") or "0", 16)
    return frozenset(number for number in range(bits.bit_length()) if bits >> number & 1)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text else -1
