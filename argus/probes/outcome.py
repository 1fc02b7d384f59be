"""What a probe found: the state of a service, what it is made of, and what a user would see of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.correlator.service import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Outcome", "Part", "State", "of_parts", "one_line", "worst"]

SHOWN = 300  # characters of a message


# The worse wins; what is not known is worse than well, and no outage.
_WORST_FIRST = (State.DOWN, State.DEGRADED, State.UNKNOWN, State.DENIED, State.UP, State.DISABLED)


@dataclass(frozen=True, slots=True)
class Part:
    """One process, agent, node or backend of a service.

    ``since`` is when the state began in seconds since the epoch, where the service tells (``None``: the store
    remembers when it was first seen); ``zone`` is its availability zone, empty for none.
    """

    kind: str
    host: str
    state: State
    message: str = ""
    since: float | None = None
    zone: str = ""

    @property
    def name(self) -> str:
        """``nova-compute@cmp1``; the kind alone for a part that is nowhere in particular."""
        return f"{self.kind}@{self.host}" if self.host else self.kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe found.  ``latency`` in seconds, ``None`` when nothing answered.

    ``trouble`` is what is wrong with the whole, beside its parts: a queue that grows, a pool that fills up.
    ``figures`` are numbers in base units that a person compares over time: queue lengths, bytes, seconds.
    """

    state: State
    message: str = ""
    latency: float | None = None
    version: str = ""
    parts: tuple[Part, ...] = ()
    trouble: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


def one_line(text: str) -> str:
    """Return ``text`` on one line, cut to what a table or a mail can show."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def worst(states: Iterable[State]) -> State:
    """Return the worst of some states, ``UNKNOWN`` of none."""
    found = set(states)
    return next((state for state in _WORST_FIRST if state in found), State.UNKNOWN)


def of_parts(parts: Sequence[Part], need: Mapping[str, int] | None = None) -> tuple[State, str]:
    """Judge a service by its parts: all up, some down, or none of a kind left.

    A kind of which fewer than ``need`` (one, where nothing is said) are up makes the service down; any part
    that is down makes it degraded.  Disabled parts count for neither: somebody meant it so.
    """
    wanted = need or {}
    total: Counter[str] = Counter()
    up: Counter[str] = Counter()
    for part in parts:
        if part.state is not State.DISABLED:
            total[part.kind] += 1
            up[part.kind] += part.state in {State.UP, State.DEGRADED}
    short = [kind for kind in total if up[kind] < min(wanted.get(kind, 1), total[kind])]
    bad = [part for part in parts if part.state in {State.DOWN, State.DEGRADED}]
    unknown = [part for part in parts if part.state in {State.UNKNOWN, State.DENIED}]
    if short and not all(part.state is not State.DOWN for part in parts if part.kind in short):
        return State.DOWN, one_line("; ".join(f"{up[kind]} of {total[kind]} {kind} up" for kind in short))
    if bad:
        return State.DEGRADED, _named(bad)
    if unknown:
        return State.UNKNOWN, _named(unknown)
    return State.UP, ""


def _named(parts: Sequence[Part], most: int = 5) -> str:
    """Name some parts; with many, how many there are."""
    first = "; ".join(
        f"{part.name} {part.state.value}{f' ({part.message})' if part.message else ''}"
        for part in parts[:most]
    )
    return one_line(f"{first}; and {len(parts) - most} more" if len(parts) > most else first)
