"""Tables of losses and of disagreements: what a person reads, of rows as the commands make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus import capacity_tables as tables

if TYPE_CHECKING:
    import pytest


def loss(lost: str, out: int) -> dict[str, Any]:
    who = [f"g{n}" for n in range(out)]
    counts = {"guests": 5, "without_host": out, "unsure": 0}
    return {"cloud": "c", "lost": lost, "fits": not out, "short": {"VCPU": 4}, "who": who, **counts}


def test_losses_name_the_worst_first_and_count_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    tables.losses([loss("a", 0), loss("b and c", 1), loss("d", 5)])
    said = capsys.readouterr().out
    assert said.index("g0, g1, g2 and 2 more") < said.index("b and c")
    assert "3 losses tried, 2 do not fit elsewhere" in said


def test_disagreements_are_lines_and_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    tables.drift([{"cloud": "c", "kind": "leaked", "host": "h", "text": "nobody's"}])
    assert "leaked" in capsys.readouterr().out
    tables.drift([])
    assert "agree" in capsys.readouterr().out
