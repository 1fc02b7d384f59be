"""What Argus and Zabbix owe each other: who looks after a problem, and what is only a symptom.  Pure.

Level-triggered: both sides are compared each time and only the difference is written, so that a run that is
lost, doubled or repeated does no harm.  What Argus itself wrote is told by its mark and never read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MARK = "Argus: "  # begins every message that Argus writes in Zabbix


@dataclass(frozen=True, slots=True)
class Word:
    """One entry of a problem's acknowledges; ``clock`` in seconds since the epoch."""

    clock: float
    user: str
    text: str
    acknowledges: bool


@dataclass(frozen=True, slots=True)
class Told:
    """An incident, as far as Zabbix is concerned.  Times in seconds since the epoch.

    ``events`` are its problems, ``since`` is from when an acknowledgement counts: when it opened, or became
    worse, or was taken up again.  ``cause`` is the id of the incident that it is a symptom of.
    """

    id: int
    events: tuple[str, ...]
    since: float
    acked_by: str
    cause: int | None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in Zabbix; ``cause`` is the event that it is ranked under, empty for a cause of its own."""

    eventid: str
    acknowledged: bool
    cause: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written: acknowledgements in Argus and in Zabbix, and ranks in Zabbix.

    ``taken`` is by whom an incident was acknowledged in Zabbix; ``acks`` the message for events; ``ranks``
    the event that events are symptoms of, empty to make them causes again.
    """

    taken: Mapping[int, str]
    acks: Mapping[str, tuple[str, ...]]
    ranks: Mapping[str, tuple[str, ...]]


def plan(incidents: Iterable[Told], problems: Iterable[Problem]) -> Plan:
    """Compare both sides."""
    known = {problem.eventid: problem for problem in problems}
    told = {each.id: each for each in incidents}
    taken: dict[int, str] = {}
    acks: dict[str, list[str]] = {}
    ranks: dict[str, list[str]] = {}
    for each in sorted(told.values(), key=lambda each: each.id):
        mine = [known[event] for event in each.events if event in known]
        if each.acked_by:
            text = f"{MARK}acknowledged by {each.acked_by} (incident {each.id})"
            for problem in mine:
                if not problem.acknowledged:
                    acks.setdefault(text, []).append(problem.eventid)
        elif by := _taken_by(mine, each.since):
            taken[each.id] = by
        root = _root_event(each, told, known)
        for problem in mine:
            if root and problem.cause != root:
                ranks.setdefault(root, []).append(problem.eventid)
    return Plan(taken, _frozen(acks), _frozen(ranks))


def _taken_by(problems: Iterable[Problem], since: float) -> str:
    """Return who acknowledged last in Zabbix, if a person did so since."""
    words = [
        word
        for problem in problems
        for word in problem.words
        if problem.acknowledged and word.acknowledges and word.clock >= since
    ]
    people = [word for word in words if not word.text.startswith(MARK)]
    return max(people, key=lambda word: word.clock).user if people else ""


def _root_event(each: Told, told: Mapping[int, Told], known: Mapping[str, Problem]) -> str:
    """Return the event of the last cause that has one: Zabbix knows two levels only."""
    seen, found, cause = {each.id}, "", each.cause
    while cause is not None and cause not in seen and cause in told:
        seen.add(cause)
        events = [event for event in told[cause].events if event in known]
        found = min(events) if events else found
        cause = told[cause].cause
    return "" if found in each.events else found


def _frozen(lists: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in lists.items()}
