"""The placement as a picture for the terminal, and as JSON."""

from __future__ import annotations

import json
import string
from itertools import chain, repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from argus.terminal import one_line
from argus_agent.kernel.cpulist import format_cpulist
from argus_agent.placement import Guest, local_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus_agent.kernel.topology import Topology
    from argus_agent.placement import Finding

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "red")
_CELL = 9  # "127:Aa127": the widest that still aligns
_GAP = 2
_MARGIN = 9
_MIB, _GIB = 2**20, 2**30


def letters(guests: Iterable[Guest]) -> dict[str, str]:
    """Return a short mark by guest name: A to Z, then AA, AB ..."""
    ones = string.ascii_uppercase
    marks = chain(ones, (first + second for first in ones for second in ones), repeat("?"))
    return {guest.name: mark for guest, mark in zip(guests, marks, strict=False)}


def picture(
    topology: Topology,
    guests: tuple[Guest, ...],
    findings: tuple[Finding, ...],
    reserved: frozenset[int],
    unread: Mapping[str, str] = MappingProxyType({}),
) -> Group:
    """Return sockets, NUMA nodes and cores with the guests on them, a legend, and what is wrong.

    ``unread`` are guests of which not everything could be read: nobody can say that nothing is wrong then.
    """
    unknown = sum(guest.memory is None for guest in guests) if len(topology.nodes) > 1 else 0
    marks = letters(guests)
    on_cpu = _occupants(guests, marks)
    parts: list[Any] = [_headline(topology, guests)]
    for package, cpus in topology.packages.items():
        parts.append(Text(f"\nsocket {package}", style="bold"))
        for node in sorted({topology.cpus[cpu].node for cpu in cpus}, key=lambda n: -1 if n is None else n):
            cores = [core for core in topology.cores if core <= cpus and _on_node(core, node, topology)]
            parts.append(_Cores("node ?" if node is None else f"node {node}", cores, on_cpu, reserved))
    if guests:
        parts.append(Text("\nA0: vCPU 0 of guest A, where it ran last; +1: one more vCPU there", style="dim"))
    parts += [Text(), _legend(topology, guests, marks), Text(), _findings(findings, unread, unknown)]
    return Group(*parts)


def _on_node(core: frozenset[int], node: int | None, topology: Topology) -> bool:
    return topology.cpus[min(core)].node == node


def _headline(topology: Topology, guests: tuple[Guest, ...]) -> Text:
    offline = f", {len(topology.offline)} offline" if topology.offline else ""
    machine = (
        _many(len(topology.packages), "socket"),
        _many(len(topology.nodes), "NUMA node"),
        _many(len(topology.cores), "core"),
        _many(len(topology.cpus), "CPU"),
    )
    vcpus = sum(len(guest.vcpus) for guest in guests)
    return Text(f"{', '.join(machine)}{offline}; {_many(len(guests), 'guest')} with {_many(vcpus, 'vCPU')}")


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _occupants(guests: tuple[Guest, ...], marks: dict[str, str]) -> dict[int, list[str]]:
    on_cpu: dict[int, list[str]] = {}
    for guest in guests:
        for vcpu in guest.vcpus:
            on_cpu.setdefault(vcpu.processor, []).append(f"{marks[guest.name]}{vcpu.number}")
    return on_cpu


class _Cores:
    """Cores side by side, the hyperthreads of each below one another, wrapped to the terminal."""

    def __init__(
        self,
        name: str,
        cores: list[frozenset[int]],
        on_cpu: dict[int, list[str]],
        reserved: frozenset[int],
    ) -> None:
        self._name, self._cores, self._on_cpu, self._reserved = name, cores, on_cpu, reserved

    def __rich_console__(self, console: Console, options: Any) -> Iterator[Text]:
        room = options.max_width - _MARGIN
        wanted = max((len(self._everybody(cpu)) for core in self._cores for cpu in core), default=_CELL)
        cell = max(wanted, _CELL) if len(self._cores) * (max(wanted, _CELL) + _GAP) <= room else _CELL
        width = max(1, room // (cell + _GAP))
        title = self._name
        for start in range(0, len(self._cores), width):
            row = self._cores[start : start + width]
            for thread in range(max(map(len, row))):
                cpus = (sorted(core)[thread] if thread < len(core) else None for core in row)
                cells = (self._cell(cpu, cell) for cpu in cpus)
                yield Text(f"{title:<{_MARGIN}}").append_text(Text(" " * _GAP).join(cells))
                title = ""

    def _everybody(self, cpu: int) -> str:
        """A CPU and all vCPUs on it."""
        here = self._on_cpu.get(cpu) or ["host" if cpu in self._reserved else "-"]
        return f"{cpu}:{' '.join(here)}"

    def _cell(self, cpu: int | None, width: int) -> Text:
        if cpu is None:
            return Text(" " * width)
        text, here = self._everybody(cpu), self._on_cpu.get(cpu, [])
        if len(text) > width:
            text = f"{cpu}:{here[0]}+{len(here) - 1}"[:width]
        if not here:
            return Text(text.ljust(width), style="dim")
        return Text(text.ljust(width), style=_colour(here[0]) + (" bold" if len(here) > 1 else ""))


def _colour(mark: str) -> str:
    return _COLOURS[(ord(mark[0]) - ord("A")) % len(_COLOURS)]


def _legend(topology: Topology, guests: tuple[Guest, ...], marks: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("", "guest", "vCPUs", "may run on", "memory", "local"):
        table.add_column(name, overflow="fold")
    for guest in guests:
        allowed = frozenset(cpu for vcpu in guest.vcpus for cpu in vcpu.affinity)
        ratio = local_ratio(guest, topology)
        table.add_row(
            Text(marks[guest.name], style=_colour(marks[guest.name])),
            Text(one_line(guest.name)),
            str(len(guest.vcpus)),
            "any" if allowed >= topology.cpus.keys() else format_cpulist(allowed),
            _memory(guest),
            "unknown" if ratio is None else f"{ratio:.0%}",
        )
    return table


def _memory(guest: Guest) -> str:
    if guest.memory is None:
        return "unknown"
    return ", ".join(f"node {node} {_size(size)}" for node, size in sorted(guest.memory.items()) if size)


def _size(size: int) -> str:
    """Two digits or more, in the unit that memory of this size is spoken of."""
    if size < _GIB:
        return f"{size / _MIB:.0f} MiB"
    return f"{size / _GIB:.1f} GiB" if size < 10 * _GIB else f"{size / _GIB:.0f} GiB"


def _findings(findings: tuple[Finding, ...], unread: Mapping[str, str], unknown: int) -> Table | Text:
    if not findings and unread:
        return Text("What was read shows no problem; not everything could be read.", "yellow")
    if not findings and unknown:
        return Text(
            f"What was read shows no problem; where the memory of {_many(unknown, 'guest')} is was not."
        )
    if not findings:
        return Text("Nothing is wrong with it.", style="green")
    table = Table(
        box=None,
        pad_edge=False,
        title=f"What is wrong: {_many(len(findings), 'finding')}",
        title_justify="left",
    )
    for name in ("what", "guests", "how"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row(
            finding.problem.value, Text(one_line(", ".join(finding.guests))), Text(one_line(finding.detail))
        )
    return table


def as_json(
    topology: Topology,
    guests: tuple[Guest, ...],
    findings: tuple[Finding, ...],
    unread: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the same for scripts."""
    return json.dumps(
        {
            "sockets": {str(k): format_cpulist(cpus) for k, cpus in topology.packages.items()},
            "numa_nodes": {str(node.number): format_cpulist(node.cpus) for node in topology.nodes.values()},
            "cores": [format_cpulist(core) for core in topology.cores],
            "offline": format_cpulist(topology.offline),
            "guests": [_guest_json(guest, topology) for guest in guests],
            "findings": [
                {
                    "problem": finding.problem.name.lower(),
                    "guests": list(finding.guests),
                    "cpus": format_cpulist(finding.cpus),
                    "detail": finding.detail,
                }
                for finding in findings
            ],
            "unread": dict(unread),
        },
        indent=2,
    )


def _guest_json(guest: Guest, topology: Topology) -> dict[str, Any]:
    return {
        "name": guest.name,
        "uuid": guest.uuid,
        "vcpus": [
            {"vcpu": vcpu.number, "cpu": vcpu.processor, "affinity": format_cpulist(vcpu.affinity)}
            for vcpu in guest.vcpus
        ],
        "memory_bytes": None
        if guest.memory is None
        else {str(node): size for node, size in guest.memory.items()},
        "local_ratio": local_ratio(guest, topology),
    }
