"""Acknowledgements and ranks go both ways, once, and an echo of our own word is no answer."""

from __future__ import annotations

from collections.abc import Iterable

import hypothesis.strategies as st
import pytest
from hypothesis import given

from argus.correlator import following
from argus.correlator.following import MARK, PATIENCE, Plan, Problem, Rank, Told, Word

NOBODY = Plan({}, {}, {})
NOW = 200.0


def plan(incidents: Iterable[Told], problems: Iterable[Problem], now: float = NOW) -> Plan:
    return following.plan(incidents, problems, now)


def told(number: int, *events: str, since: float = 100.0, by: str = "", cause: int | None = None) -> Told:
    return Told(number, events, since, by, cause)


def word(clock: float, text: str = "", *, acknowledges: bool = True) -> Word:
    return Word(clock, "user 7 in Zabbix", text, acknowledges)


def test_who_acknowledges_in_argus_has_acknowledged_in_zabbix_too() -> None:
    wanted = plan(
        [told(1, "10", "11", by="ann")], [Problem("10", False, "", ()), Problem("11", True, "", ())]
    )
    assert wanted.acks == {f"{MARK}acknowledged by ann (incident 1)": ("10",)}


def test_who_acknowledges_in_zabbix_looks_after_the_incident() -> None:
    assert plan([told(1, "10")], [Problem("10", True, "", (word(150.0),))]).taken == {1: "user 7 in Zabbix"}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((word(150.0, f"{MARK}acknowledged by ann (incident 1)"),), id="our own word"),
        pytest.param((word(50.0),), id="before it opened, or became worse"),
        pytest.param((word(150.0, "looks bad", acknowledges=False),), id="a comment"),
        pytest.param((), id="acknowledged by nobody we see"),
    ],
)
def test_what_is_no_acknowledgement_of_this_incident_is_none(words: tuple[Word, ...]) -> None:
    assert plan([told(1, "10")], [Problem("10", True, "", words)]) == NOBODY


def test_a_symptom_is_ranked_under_the_last_cause_that_is_a_problem_in_zabbix() -> None:
    incidents = [told(1), told(2, "20", cause=1), told(3, "30", "31", cause=2)]
    problems = [Problem("20", False, "", ()), Problem("30", False, "", ()), Problem("31", False, "20", ())]
    assert plan(incidents, problems).ranks == {Rank("20", f"{MARK}a symptom of incident 2"): ("30",)}


def ranked(text: str, clock: float = 150.0) -> Word:
    return Word(clock, "user 7 in Zabbix", text, acknowledges=False, ranks=True)


def test_what_outlived_its_cause_is_a_cause_again_where_argus_had_ranked_it() -> None:
    alone = Told(3, ("30",), 100.0, "", None, alone=True)
    ours = Problem("30", False, "20", (ranked(f"{MARK}a symptom of incident 2"),))
    assert plan([alone], [ours]).ranks == {Rank("", f"{MARK}incident 3, of its own"): ("30",)}


def test_a_rank_that_zabbix_has_not_given_yet_is_asked_for_again_only_after_a_while() -> None:
    incidents, asked = [told(2, "20"), told(3, "30", cause=2)], ranked(f"{MARK}a symptom of incident 2", NOW)
    problems = [Problem("20", False, "", ()), Problem("30", False, "", (asked,))]
    assert plan(incidents, problems, NOW + PATIENCE) == NOBODY
    assert plan(incidents, problems, NOW + PATIENCE + 1).ranks


def test_a_rank_that_a_person_gave_stays() -> None:
    incidents = [told(2, "20"), told(3, "30", cause=2)]
    theirs = (ranked(f"{MARK}a symptom of incident 2"), ranked("no, it is not", 160.0))
    assert plan(incidents, [Problem("20", False, "", ()), Problem("30", False, "", theirs)]) == NOBODY
    beyond = Problem("20", False, "99", (ranked("the switch"),))
    (rank,) = plan(incidents, [beyond, Problem("30", False, "", ())]).ranks
    assert rank.cause == "99", "Zabbix knows two levels: what a person put above is above all"


def test_what_is_over_in_zabbix_is_left_alone() -> None:
    assert plan([told(1, "10", by="ann", cause=2), told(2, "20")], []) == NOBODY


EVENTS = st.sampled_from([str(number) for number in range(6)])


@given(
    st.lists(st.tuples(st.lists(EVENTS, max_size=2), st.booleans(), st.one_of(st.none(), st.integers(0, 4)))),
    st.dictionaries(EVENTS, st.booleans()),
)
def test_what_was_written_needs_no_second_writing(
    given_incidents: list[tuple[list[str], bool, int | None]], open_events: dict[str, bool]
) -> None:
    owner: dict[str, int] = {}
    for number, (events, _, _) in enumerate(given_incidents):
        for event in events:
            owner.setdefault(event, number)
    incidents = [
        told(
            number,
            *(event for event in dict.fromkeys(events) if owner[event] == number),
            by="ann" if acked else "",
            cause=cause,
        )
        for number, (events, acked, cause) in enumerate(given_incidents)
    ]
    problems = [Problem(event, acked, "", ()) for event, acked in open_events.items()]
    first = plan(incidents, problems)
    done = {event: text for text, events in first.acks.items() for event in events}
    under = {event: rank.cause for rank, events in first.ranks.items() for event in events}
    after = [
        Problem(
            each.eventid,
            each.acknowledged or each.eventid in done,
            under.get(each.eventid, ""),
            (word(200.0, done[each.eventid]),) if each.eventid in done else (),
        )
        for each in problems
    ]
    assert plan(incidents, after) == NOBODY


def test_a_group_without_a_problem_of_its_own_is_acknowledged_when_all_of_its_members_are() -> None:
    incidents = [told(1), told(2, "20", cause=1), told(3, "30", cause=1)]
    one = Problem("20", True, "", (word(150.0),))
    other = Problem("30", False, "", ())
    assert 1 not in plan(incidents, [one, other]).taken
    both = plan(incidents, [one, Problem("30", True, "", (word(160.0),))])
    assert both.taken[1] == "user 7 in Zabbix"


def test_who_acknowledges_a_group_in_argus_has_acknowledged_its_members_in_zabbix() -> None:
    incidents = [told(1, by="ann"), told(2, "20", cause=1), told(3, "30", cause=1)]
    wanted = plan(incidents, [Problem("20", False, "", ()), Problem("30", False, "", ())])
    assert wanted.acks == {f"{MARK}acknowledged by ann (incident 1)": ("20", "30")}


def test_an_acknowledgement_that_is_taken_back_in_argus_is_taken_back_in_zabbix_once() -> None:
    undone = Told(1, ("10",), 170.0, "", None, undone=170.0)
    ours = Problem("10", True, "", (word(150.0, f"{MARK}acknowledged by ann (incident 1)"),))
    assert plan([undone], [ours]).unacks == {f"{MARK}no longer acknowledged (incident 1)": ("10",)}
    theirs = Problem("10", True, "", (word(180.0),))
    assert plan([undone], [theirs]).taken == {1: "user 7 in Zabbix"}
    assert not plan([undone], [theirs]).unacks
    assert not plan([undone], [Problem("10", False, "", ours.words)]).unacks
