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


def test_many_losses_are_cut_and_what_is_needed_is_said_as_people_say_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables.losses([loss(f"h{n:02}", 5) for n in range(25)])
    said = capsys.readouterr().out
    assert "h19" in said
    assert "h20" not in said
    assert "... and 5 more that do not fit" in said
    assert "NUMA" not in said, "no column for a doubt that nobody has"
    tables.losses([{**loss("h", 0), "fits": False, "unsure": 2}])
    assert "NOT KNOWN: NUMA" in capsys.readouterr().out
    short = {"CUSTOM_CARD": 2, "DISK_GB": 20, "MEMORY_MB": 1536, "VCPU": 4}
    assert tables.needs(short) == "4 vCPUs, 1.5 GiB memory, 20 GiB disk, 2 CUSTOM_CARD"


def test_a_lost_zone_is_named_by_its_name_and_doubt_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "lost": "az:az1",
        "hosts": ["a", "b"],
        "fits": False,
        "guests": 9,
        "without_host": 0,
        "unsure": 3,
        "short": {},
        "moves": [],
    }
    tables.loss(document, 20)
    said = " ".join(capsys.readouterr().out.split())
    assert "az:az1 (2 hosts): 0 of 9 guests fit nowhere; for 3 it is not known" in said
