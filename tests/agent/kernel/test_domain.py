"""Size and virtual NUMA of a domain, as libvirt writes them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from argus_agent.kernel.domain import (
    Cell,
    Size,
    is_file_backed,
    is_hugetlb_backed,
    parse_bytes,
    parse_cells,
    parse_size,
)
from argus_agent.kernel.domstatus import parse_domstatus

MIB = 2**20
STRICT = "<memnode cellid='{}' mode='strict' nodeset='{}'/>"
CELLS = """
<cpu mode='host-passthrough'><topology sockets='2' cores='2' threads='1'/><numa>
  <cell id='0' cpus='0-1' memory='2097152' unit='KiB'/>
  <cell id='1' cpus='2,3' memory='1048576' unit='KiB' memAccess='shared'/>
</numa></cpu>"""


def domain(body: str) -> ET.Element:
    return ET.fromstring(f"<domain>{body}</domain>")


def bound(numatune: str) -> list[set[int]]:
    return [set(cell.bound) for cell in parse_cells(domain(f"{CELLS}<numatune>{numatune}</numatune>"))]


def test_cells_have_their_vcpus_and_memory() -> None:
    assert parse_cells(domain(CELLS)) == (
        Cell(0, frozenset({0, 1}), 2048 * MIB),
        Cell(1, frozenset({2, 3}), 1024 * MIB),
    )


def test_a_guest_that_sees_one_node_has_no_cells() -> None:
    assert parse_cells(domain("<cpu mode='host-model'/>")) == ()


@pytest.mark.parametrize(
    ("numatune", "nodes"),
    [
        (f"<memory mode='strict' nodeset='0-1'/>{STRICT.format(0, 1)}{STRICT.format(1, 0)}", [{1}, {0}]),
        ("<memory mode='strict' nodeset='3'/>", [{3}, {3}]),
        ("<memory nodeset='0-1'/><memnode cellid='1' nodeset='1'/>", [{0, 1}, {1}]),
        ("<memory mode='preferred' nodeset='1'/>", [set(), set()]),
        ("<memory mode='strict' placement='auto'/>", [set(), set()]),
        ("<memnode cellid='0' mode='preferred' nodeset='0'/>", [set(), set()]),
        ("<memnode cellid='1' mode='interleave' nodeset='1'/>", [set(), set()]),
        ("<memory mode='restrictive' nodeset='0'/><memnode cellid='0' mode='restrictive' nodeset='0'/>",
         [set(), set()]),
    ],
)  # fmt: skip
def test_only_strict_memory_is_bound(numatune: str, nodes: list[set[int]]) -> None:
    assert bound(numatune) == nodes


def test_memory_that_was_plugged_in_belongs_to_its_cell() -> None:
    module = "<memory model='dimm'><target><size unit='MiB'>512</size><node>1</node></target></memory>"
    cells = parse_cells(domain(f"{CELLS}<devices>{module}{module}</devices>"))
    assert [cell.memory for cell in cells] == [2048 * MIB, 2048 * MIB]


@pytest.mark.parametrize(
    "cells",
    [
        "<cell id='0' cpus='0-1' memory='many'/>",
        "<cell id='x' cpus='0' memory='1'/>",
        "<cell cpus='2-' memory='1'/>",
    ],
)
def test_cells_that_cannot_be_understood_cost_neither_the_guest_nor_pass_for_none(cells: str) -> None:
    text = f"<cpu><numa>{cells}</numa></cpu><name>a</name><uuid>u</uuid>"
    guest = parse_domstatus(f"<domstatus pid='7'><domain>{text}</domain></domstatus>")
    assert guest is not None
    assert guest.cells is None


def test_the_size_is_of_now() -> None:
    size = parse_size(
        domain(
            "<memory unit='KiB'>4096</memory><currentMemory unit='KiB'>2048</currentMemory>"
            "<vcpu placement='static' current='2'>4</vcpu>"
            "<cputune><vcpupin vcpu='0' cpuset='4'/><vcpupin vcpu='1' cpuset='0-3'/>"
            "<emulatorpin cpuset='5'/></cputune>"
        )
    )
    pins = {0: frozenset({4}), 1: frozenset(range(4))}
    assert size == Size(2, 4 * MIB, 2 * MIB, pins, frozenset({5}))


def test_what_the_xml_does_not_say_is_not_known() -> None:
    assert parse_size(domain("<name>a</name>")) == Size()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("<memory>1</memory>", 1024),
        *(
            (f"<memory unit='{unit}'>3</memory>", 3 * size)
            for units, size in (
                (("b", "bytes"), 1),
                (("k", "KiB"), 2**10),
                (("M", "MiB"), 2**20),
                (("G", "GiB"), 2**30),
                (("T", "TiB"), 2**40),
                (("KB",), 10**3),
                (("MB",), 10**6),
                (("GB",), 10**9),
                (("TB",), 10**12),
            )
            for unit in units
        ),
    ],
)
def test_memory_has_a_unit(text: str, size: int) -> None:
    assert parse_bytes(ET.fromstring(text)) == size


@pytest.mark.parametrize(
    ("backing", "files", "hugetlb"),
    [
        ("", False, False),
        ("<hugepages><page size='2048' unit='KiB'/></hugepages>", False, True),
        ("<hugepages/>", False, True),
        ("<source type='file'/><access mode='shared'/>", True, False),
        ("<source type='memfd'/><access mode='shared'/>", False, False),
        ("<source type='anonymous'/>", False, False),
        ("<locked/>", False, False),
    ],
)
def test_what_memory_is_made_of(backing: str, files: bool, hugetlb: bool) -> None:
    text = domain(f"<memoryBacking>{backing}</memoryBacking>")
    assert (is_file_backed(text), is_hugetlb_backed(text)) == (files, hugetlb)


def test_a_module_without_a_node_belongs_to_the_first_cell() -> None:
    module = "<memory model='dimm'><target><size unit='KiB'>1024</size></target></memory>"
    cells = parse_cells(domain(f"{CELLS}<devices>{module}</devices>"))
    assert [cell.memory for cell in cells] == [2049 * MIB, 1024 * MIB]


@pytest.mark.parametrize("text", ["<memory unit='acre'>1</memory>", "<memory/>"])
def test_memory_in_no_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|literal"):
        parse_bytes(ET.fromstring(text))
