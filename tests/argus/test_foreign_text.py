"""Text of other programs is cleaned and bounded, and what is sound stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.correlator.facts import Facts, Problem
from argus.foreign_text import LONGEST_NAME, LONGEST_TEXT, bounded, clean, cleaned, storable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("502 \x00 bad gateway", "502 \ufffd bad gateway"),
        ("half a pair \ud83d", "half a pair \ufffd"),
        ("two\r\nlines\u2028more", "two lines more"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("web\u202egnp.exe", "web\ufffdgnp.exe"),
        ("next\x85line", "next line"),
        ("北京 😀 é", "北京 😀 é"),
        ("no\xa0break", "no\xa0break"),
    ],
)
def test_what_cannot_be_stored_or_shown_is_replaced(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_text_of_many_lines_stays_so_in_the_database_and_loses_only_what_no_database_takes() -> None:
    assert storable("a\nb\x00\ud800") == "a\nb\ufffd\ufffd"


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Cc", "Cs", "Zl", "Zp", "Zs"))))
def test_clean_text_is_one_line_can_be_encoded_and_is_clean(text: str) -> None:
    once = clean(text)
    assert len(once.splitlines()) <= 1
    assert "\x00" not in once
    once.encode()
    assert clean(once) == once


def test_long_names_that_differ_only_at_the_end_stay_different_and_fit() -> None:
    one, other = bounded("x" * 300 + "1"), bounded("x" * 300 + "2")
    assert one != other
    assert len(one) == len(other) == LONGEST_NAME
    assert bounded(one) == one
    assert bounded("short") == "short"


@dataclass(frozen=True)
class Told:
    """What a source of a test tells."""

    name: str
    more: tuple[str, ...] = ()
    by: dict[str, str] | None = None


def test_facts_are_cleaned_at_any_depth() -> None:
    problem = Problem("1", "g\x00", "crashed\n!", 4, 1.0, {"k": "v\x1b"}, False, False, "")
    told = Told("a\ud800", ("b", "c\x00"), {"x\x00": "y" * (LONGEST_TEXT + 1)})
    facts = cleaned(Facts(problems=(problem,), others=(told,), blind=("s",), why_blind=("502 \x00",)))
    assert (facts.problems[0].host, facts.problems[0].name) == ("g\ufffd", "crashed !")
    assert facts.problems[0].tags == {"k": "v\ufffd"}
    (found,) = facts.told(Told)
    assert (found.name, found.more) == ("a\ufffd", ("b", "c\ufffd"))
    assert found.by is not None
    assert len(found.by["x\ufffd"]) == LONGEST_TEXT
    assert facts.why_blind == ("502 \ufffd",)


def test_facts_with_nothing_to_clean_are_not_copied() -> None:
    facts = Facts(others=(Told("a", ("b",), {"x": "y"}),))
    assert cleaned(facts) is facts
