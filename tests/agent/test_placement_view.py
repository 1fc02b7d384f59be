"""The picture of a placement: every CPU is in it once, every guest can be found, whatever its name."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from argus_agent.kernel.guests import vcpu_number
from argus_agent.kernel.topology import Cpu, NumaNode, Topology
from argus_agent.placement import Guest, Vcpu, review
from argus_agent.placement_view import as_json, letters, picture

RESERVED = frozenset({0})


def _machine(cpus: int = 8) -> Topology:
    half = cpus // 2
    made = {n: Cpu(n, 0, n % half, 0, frozenset({n % half, n % half + half})) for n in range(cpus)}
    return Topology(made, {0: NumaNode(0, frozenset(made), {0: 10})}, frozenset())


def _draw(topology: Topology, guests: tuple[Guest, ...], width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width)
    console.print(picture(topology, guests, review(guests, topology, RESERVED), RESERVED))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_cpu_is_drawn_once_and_fits_the_terminal(width: int) -> None:
    drawn = _draw(_machine(64), (), width)
    words = [word.partition(":")[0] for word in drawn.split() if ":" in word]
    assert sorted(map(int, words)) == list(range(64))
    assert max(map(len, drawn.splitlines())) <= width


def test_hyperthreads_stand_below_one_another() -> None:
    rows = [line for line in _draw(_machine(), ()).splitlines() if ":" in line]
    assert [row.index("0:host") for row in rows[:1]] == [row.index("4:-") for row in rows[1:2]]


def test_a_vcpu_stands_on_its_cpu_and_in_the_legend() -> None:
    guest = Guest("web [1]", "u", (Vcpu(3, 5, frozenset({5})),), {0: 2**30})
    drawn = _draw(_machine(), (guest,))
    assert "5:A3" in drawn
    assert "web [1]" in drawn
    assert "Nothing is wrong" in drawn


def test_several_on_one_cpu_are_named_where_there_is_room_and_counted_elsewhere() -> None:
    guests = tuple(Guest(name, name, (Vcpu(0, 5, frozenset({5})),)) for name in "abc")
    assert "5:A0 B0 C0" in _draw(_machine(), guests)
    assert "5:A0+2" in _draw(_machine(), guests, width=40)


@pytest.mark.parametrize(
    ("size", "text"),
    [(10 * 2**20, "10 MiB"), (2**30, "1.0 GiB"), (3 * 2**29, "1.5 GiB"), (130 * 2**30, "130 GiB")],
)
def test_memory_is_told_in_the_unit_that_people_use(size: int, text: str) -> None:
    guest = Guest("a", "u", (Vcpu(0, 5, frozenset({5})),), {0: size})
    assert f"node 0 {text} " in _draw(_machine(), (guest,))


def test_marks_stay_unique_for_many_guests() -> None:
    guests = [Guest(f"g{n}", f"u{n}", ()) for n in range(500)]
    assert len(set(letters(guests).values())) == 500


def test_scripts_get_the_same() -> None:
    guest = Guest("web", "u", (Vcpu(0, 0, frozenset(range(8))),))
    topology = _machine()
    data = json.loads(as_json(topology, (guest,), review((guest,), topology, RESERVED)))
    assert data["guests"][0]["vcpus"] == [{"vcpu": 0, "cpu": 0, "affinity": "0-7"}]
    assert data["guests"][0]["memory_bytes"] is None
    assert [finding["problem"] for finding in data["findings"]] == ["on_reserved"]


def test_the_number_is_in_the_name_of_the_thread() -> None:
    assert vcpu_number("CPU 13/KVM") == 13
