"""What Argus and Zabbix owe each other: who looks after a problem, and what is only a symptom.  Pure.

Level-triggered: both sides are compared each time and only the difference is written, so that a run that is
lost, doubled or repeated does no harm.  What Argus itself wrote is told by its mark and never read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MARK = "Argus: "  # begins every message that Argus writes in Zabbix
PATIENCE = 60.0  # seconds that Zabbix' task manager, which looks every few, may need to rank


@dataclass(frozen=True, slots=True)
class Word:
    """One entry of a problem's acknowledges; ``clock`` in seconds since the epoch."""

    clock: float
    user: str
    text: str
    acknowledges: bool
    ranks: bool = False  # made a cause or a symptom of it


@dataclass(frozen=True, slots=True)
class Told:
    """An incident, as far as Zabbix is concerned.  Times in seconds since the epoch.

    ``events`` are its problems, ``since`` is from when an acknowledgement counts: when it began, or became
    worse, or was taken up again.  ``cause`` is the id of the incident that it is a symptom of; ``alone``
    means that people were told of it by itself.  ``undone`` is when an acknowledgement was last taken back.
    """

    id: int
    events: tuple[str, ...]
    since: float
    acked_by: str
    cause: int | None
    alone: bool = False
    undone: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in Zabbix; ``cause`` is the event that it is ranked under, empty for a cause of its own."""

    eventid: str
    acknowledged: bool
    cause: str
    words: tuple[Word, ...]


class Rank(NamedTuple):
    """The event that others are symptoms of, empty for causes of their own, and the message that says so."""

    cause: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written: acknowledgements in Argus and in Zabbix, and ranks in Zabbix.

    ``taken`` is by whom an incident was acknowledged in Zabbix; ``acks`` and ``unacks`` the events for
    each message,
    ``ranks`` those for each rank.
    """

    taken: Mapping[int, str]
    acks: Mapping[str, tuple[str, ...]]
    ranks: Mapping[Rank, tuple[str, ...]]
    unacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(incidents: Iterable[Told], problems: Iterable[Problem], now: float) -> Plan:
    """Compare both sides at ``now``, in seconds since the epoch."""
    known = {problem.eventid: problem for problem in problems}
    told = {each.id: each for each in incidents}
    taken: dict[int, str] = {}
    acks: dict[str, list[str]] = {}
    unacks: dict[str, list[str]] = {}
    ranks: dict[Rank, list[str]] = {}
    for each in sorted(told.values(), key=lambda each: each.id):
        mine = [known[event] for event in each.events if event in known]
        if each.acked_by:
            text = f"{MARK}acknowledged by {each.acked_by} (incident {each.id})"
            for problem in mine or _of_members(each, told, known):
                if not problem.acknowledged:
                    acks.setdefault(text, []).append(problem.eventid)
        elif by := _taken_by(mine, each.since) if mine else _taken_by_members(each, told, known):
            taken[each.id] = by
        for problem in () if each.acked_by else mine or _of_members(each, told, known):
            if _is_undone(problem, each.undone):
                text = f"{MARK}no longer acknowledged (incident {each.id})"
                unacks.setdefault(text, []).append(problem.eventid)
        for rank, problem in _ranks(each, mine, told, known, now):
            ranks.setdefault(rank, []).append(problem.eventid)
    return Plan(taken, _frozen(acks), _frozen(ranks), _frozen(unacks))


def _is_undone(problem: Problem, undone: float) -> bool:
    """Tell whether the problem is acknowledged by a word of Argus that was taken back since."""
    words = [word for word in problem.words if word.acknowledges]
    last = max(words, key=lambda word: word.clock, default=None)
    return problem.acknowledged and last is not None and last.clock < undone and last.text.startswith(MARK)


def _members(each: Told, told: Mapping[int, Told], known: Mapping[str, Problem]) -> list[list[Problem]]:
    """Return the problems of each symptom: what a rack or a group of many consists of in Zabbix."""
    members = [member for member in told.values() if member.cause == each.id and member.id != each.id]
    found = ([known[event] for event in member.events if event in known] for member in members)
    return [problems for problems in found if problems]


def _of_members(each: Told, told: Mapping[int, Told], known: Mapping[str, Problem]) -> list[Problem]:
    return [problem for problems in _members(each, told, known) for problem in problems]


def _taken_by_members(each: Told, told: Mapping[int, Told], known: Mapping[str, Problem]) -> str:
    """Return who acknowledged the last of all members; empty while one is nobody's."""
    people = [_taken_by(problems, each.since) for problems in _members(each, told, known)]
    return people[-1] if people and all(people) else ""


def _ranks(
    each: Told,
    mine: Iterable[Problem],
    told: Mapping[int, Told],
    known: Mapping[str, Problem],
    now: float,
) -> Iterator[tuple[Rank, Problem]]:
    """Yield problems whose rank in Zabbix is not what Argus knows; where a person ranked last, it stays.

    What was asked for is not asked for again at once: the server ranks in its own time.
    """
    root = _root_event(each, told, known)
    for problem in mine:
        last = _last_rank(problem)
        if last is not None and not last.text.startswith(MARK):
            continue
        if root and problem.cause != root:
            rank = Rank(root, f"{MARK}a symptom of incident {each.cause}")
        elif last and problem.cause and each.alone and each.cause is None:
            rank = Rank("", f"{MARK}incident {each.id}, of its own")
        else:
            continue
        if last is None or last.text != rank.text or now - last.clock > PATIENCE:
            yield rank, problem


def _last_rank(problem: Problem) -> Word | None:
    """Return what was last said of the problem's rank, by Argus or by a person."""
    words = [word for word in problem.words if word.ranks]
    return max(words, key=lambda word: word.clock, default=None)


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
    last = _last_rank(known[found]) if found else None
    if last is not None and known[found].cause and not last.text.startswith(MARK):
        found = known[found].cause  # a person knows of a cause beyond it
    return "" if found in each.events else found


T = TypeVar("T")


def _frozen(lists: Mapping[T, list[str]]) -> dict[T, tuple[str, ...]]:
    return {name: tuple(values) for name, values in lists.items()}
