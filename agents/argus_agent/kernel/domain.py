"""What libvirt's XML of a domain says of its size and its virtual NUMA, in status files and XMLDesc alike.

https://libvirt.org/formatdomain.html: cpu/numa, numatune, cputune, memory.  Every element is optional.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from argus_agent.kernel.cpulist import parse_cpulist

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

T = TypeVar("T")
U = TypeVar("U")

_UNITS = {"b": 1, "bytes": 1, "KB": 10**3, "k": 2**10, "KiB": 2**10, "MB": 10**6, "M": 2**20, "MiB": 2**20}
_UNITS |= {"GB": 10**9, "G": 2**30, "GiB": 2**30, "TB": 10**12, "T": 2**40, "TiB": 2**40}


@dataclass(frozen=True, slots=True)
class Cell:
    """One NUMA cell that a guest sees: its vCPUs, and its memory in bytes.

    ``bound`` are the nodes of the host to which QEMU binds the memory (numatune mode ``strict``, MPOL_BIND);
    empty where the kernel may place it anywhere.
    """

    number: int
    vcpus: frozenset[int]
    memory: int
    bound: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Size:
    """How large a domain is: its vCPUs now, the bytes it may grow to, and those that its balloon leaves it.

    ``None`` where the XML does not say.  ``pins`` are the CPUs of the host by vCPU that has some of its own,
    ``emulator`` those of QEMU's other threads.
    """

    vcpus: int | None = None
    maximum: int | None = None
    current: int | None = None
    pins: Mapping[int, frozenset[int]] = field(default_factory=dict)
    emulator: frozenset[int] = frozenset()


def understood(parse: Callable[[ET.Element], T], domain: ET.Element, otherwise: U) -> T | U:
    """Return what was parsed of a domain, or the last where that raises: one odd element costs itself."""
    try:
        return parse(domain)
    except ValueError as error:
        log.debug("guest %s: %s", domain.findtext("name"), error)
        return otherwise


def parse_size(domain: ET.Element) -> Size:
    """Read the size of a domain.  Raises ``ValueError`` for numbers that are none."""
    vcpu = domain.find("vcpu")
    emulator = domain.find("cputune/emulatorpin")
    return Size(
        vcpus=None if vcpu is None else int(vcpu.get("current") or vcpu.text or ""),
        maximum=parse_bytes(domain.find("memory")),
        current=parse_bytes(domain.find("currentMemory")),
        pins={
            int(pin.get("vcpu", "")): parse_cpulist(pin.get("cpuset", ""))
            for pin in domain.iterfind("cputune/vcpupin")
        },
        emulator=frozenset() if emulator is None else parse_cpulist(emulator.get("cpuset", "")),
    )


def parse_bytes(element: ET.Element | None) -> int | None:
    """Return what ``<memory unit='KiB'>1024</memory>`` is in bytes; KiB where it has no unit.

    Raises ``ValueError`` for another unit or no number.
    """
    return None if element is None else _bytes(element.text, element.get("unit"))


def _bytes(number: str | None, unit: str | None) -> int:
    scale = _UNITS.get(unit or "KiB")
    if scale is None:
        raise ValueError(f"memory in {unit!r}, which is no unit of libvirt's")
    return int(number or "") * scale


def parse_cells(domain: ET.Element) -> tuple[Cell, ...]:
    """Return the NUMA cells of a guest; none for one that sees a single node.

    Raises ``ValueError`` for cells that cannot be understood: to leave one out would move its vCPUs.
    """
    bound = _bound(domain)
    plugged = _plugged(domain)
    cells = []
    for index, cell in enumerate(domain.iterfind("cpu/numa/cell")):
        number = int(cell.get("id", index))
        memory = _bytes(cell.get("memory", "0"), cell.get("unit")) + plugged.get(number, 0)
        vcpus = parse_cpulist(cell.get("cpus", ""))
        cells.append(Cell(number, vcpus, memory, bound.get(number, bound.get(None, frozenset()))))
    return tuple(cells)


def _bound(domain: ET.Element) -> dict[int | None, frozenset[int]]:
    """Nodes by cell, and for cells that are not named: libvirt takes those of the whole guest."""
    found: dict[int | None, frozenset[int]] = {}
    for tune in (*domain.iterfind("numatune/memory"), *domain.iterfind("numatune/memnode")):
        cell = tune.get("cellid")
        strict = tune.get("mode", "strict") == "strict"
        found[None if cell is None else int(cell)] = (
            parse_cpulist(tune.get("nodeset", "")) if strict else frozenset()
        )
    return found


def _plugged(domain: ET.Element) -> dict[int, int]:
    """Bytes of memory modules by cell."""
    found: dict[int, int] = {}
    for module in domain.iterfind("devices/memory/target"):
        cell, size = int(module.findtext("node", "0")), parse_bytes(module.find("size"))
        found[cell] = found.get(cell, 0) + (size or 0)
    return found


def is_file_backed(domain: ET.Element) -> bool:
    """Whether the guest's memory is made of files ([libvirt] file_backed_memory of Nova)."""
    source = domain.find("memoryBacking/source")
    return source is not None and source.get("type") == "file"


def is_hugetlb_backed(domain: ET.Element) -> bool:
    """Whether libvirt was told to take the guest's memory from hugetlbfs (hw:mem_page_size of Nova)."""
    return domain.find("memoryBacking/hugepages") is not None
