"""A guest says whether its QEMU answers, where somebody looked."""

from __future__ import annotations

import pytest

from argus.catalogue import guest_state
from argus.catalogue.model import Value
from argus_agent.collectors.agent import identity
from argus_agent.collectors.guest_state import METRICS, GuestState
from argus_agent.cycle import Cycle
from argus_agent.guests import Guest, LibvirtView
from argus_agent.host import Host

RUNNING: dict[str, float | str] = {"state.state": 1, "state.reason": 1}
OFF: dict[str, float | str] = {"state.state": 5, "state.reason": 1}


def answers(view: LibvirtView) -> dict[str, Value | None]:
    rows = GuestState().collect(Cycle(Host("n"), 1000.0, view))
    at = METRICS.index(guest_state.ANSWERS)
    return {row.labels[0]: row.values[at] for row in rows}


@pytest.mark.parametrize(
    ("hung", "unresponsive", "told"),
    [
        (frozenset(), 0, {"a": 1, "b": 1, "off": None}),
        (frozenset({"b"}), 1, {"a": 1, "b": 0, "off": None}),
        (frozenset(), None, {"a": None, "b": None, "off": None}),
    ],
)
def test_one_hung_qemu_is_named_and_its_neighbours_answer(
    hung: frozenset[str], unresponsive: int | None, told: dict[str, int | None]
) -> None:
    guests = (Guest("a", "i-1", 1, RUNNING), Guest("b", "i-2", 2, RUNNING), Guest("off", "i-3", -1, OFF))
    assert answers(LibvirtView(up=True, guests=guests, unresponsive=unresponsive, hung=hung)) == told


def test_an_agent_is_told_from_any_other_of_its_name() -> None:
    assert identity("8c1f3b4e-0001\n", 17) == "8c1f3b4e/17"
    assert identity(None, 17) == "unknown/17"
