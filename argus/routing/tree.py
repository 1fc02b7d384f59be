"""The routing tree: from the labels of an incident to targets, and when each is due."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.routing.matchers import Matcher, all_match
from argus.routing.times import NEVER, Window, first_at, speaks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Step:
    """Who else is told when nobody acknowledged or fixed it; ``after`` the first delivery, in seconds."""

    after: float
    receiver: str


@dataclass(frozen=True, slots=True)
class Route:
    """One node of the tree; ``line`` is where the file says so, 0 without a file."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    routes: tuple[Route, ...] = ()
    goes_on: bool = False
    wait: float = 0.0
    muted: tuple[Window, ...] = ()
    active: tuple[Window, ...] | None = None  # told only within them
    repeat: float = 0.0  # seconds; 0: never
    steps: tuple[Step, ...] = ()
    line: int = 0

    def speaks_at(self, moment: float) -> bool:
        """Tell whether its time intervals let it speak then."""
        return speaks(self.muted, self.active, moment)

    def first_at(self, moment: float) -> float:
        """Return the first moment from then on at which it may speak; ``NEVER`` if there is none."""
        return first_at(self.muted, self.active, moment)

    def tells(self, receiver: str) -> bool:
        """Tell whether it names a receiver, at first or by escalation."""
        return receiver == self.receiver or any(step.receiver == receiver for step in self.steps)

    def refusals(self, labels: Mapping[str, str]) -> Iterator[tuple[Route, str]]:
        """Yield the routes below that do not take an incident which this one matches, and why."""
        taken = 0
        for child in self.routes:
            wrong = next((m for m in child.matchers if not all_match((m,), labels)), None)
            if taken:
                yield child, f"the route in line {taken} takes it before, and does not say continue"
            elif wrong is not None:
                yield child, f"{wrong} does not hold: {wrong.label} is {labels.get(wrong.label) or 'empty'}"
            else:
                yield from child.refusals(labels)
                taken = 0 if child.goes_on else child.line

    def leaves(self, labels: Mapping[str, str]) -> Iterator[Route]:
        """Yield the routes that take the incident: as in Alertmanager, the deepest ones that match."""
        if not all_match(self.matchers, labels):
            return
        taken = False
        for child in self.routes:
            found = list(child.leaves(labels))
            yield from found
            taken = taken or bool(found)
            if found and not child.goes_on:
                break
        if not taken:
            yield self


def limit(text: str) -> tuple[int, float] | None:
    """Read ``30/10m``: how many messages in how many seconds; ``None`` for no limit."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)([smhd])", text)
    return (int(found[1]), int(found[2]) * UNITS[found[3]]) if found else None


@dataclass(frozen=True, slots=True)
class Due:
    """One message to one target (``kind:address``) at ``at``, seconds since the epoch. Step 0 is first.

    ``repeat``: it is told again after so many seconds, until somebody acknowledges or fixes it; 0: never.
    ``line`` is that of the route, ``muted_at`` the moment from which time intervals moved it to ``at``.
    ``after`` is how long after the first delivery a step is due, in seconds.
    """

    target: str
    at: float
    step: int
    receiver: str
    repeat: float = 0.0
    line: int = 0
    muted_at: float | None = None
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class Router:
    """The tree with the targets of each receiver; ``fallback`` gets what no other receiver took."""

    root: Route
    targets: Mapping[str, tuple[str, ...]]
    fallback: str = ""
    source: str = "default: everything goes to [smtp] recipients"
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of targets

    def refusals(self, labels: Mapping[str, str]) -> Iterator[tuple[Route, str]]:
        """Yield the routes that do not take an incident, each with the reason."""
        yield from self.root.refusals(labels)

    def due(self, labels: Mapping[str, str], now: float) -> tuple[Due, ...]:
        """Return who is told when; each target once, at its earliest."""
        first: dict[str, Due] = {}
        for route in self.root.leaves(labels):
            for each in self._of(route, now):
                known = first.get(each.target)
                if known is None or each.at < known.at:
                    first[each.target] = each
        return tuple(sorted(first.values(), key=lambda due: (due.at, due.target)))

    @property
    def repeats(self) -> bool:
        """Tell whether any route reminds."""
        waiting = [self.root]
        while waiting:
            route = waiting.pop()
            if route.repeat:
                return True
            waiting.extend(route.routes)
        return False

    def limit(self, target: str) -> tuple[int, float] | None:
        """Return how many messages in how many seconds a target may get one by one."""
        return limit(self.options.get(target, {}).get("limit", ""))

    def fallback_targets(self, target: str) -> tuple[str, ...]:
        """Return who is told when ``target`` cannot be reached."""
        return tuple(other for other in self.targets.get(self.fallback, ()) if other != target)

    def muted_until(self, labels: Mapping[str, str], target: str, now: float) -> float:
        """Return until when time intervals keep a target from hearing of an incident; ``now`` if none does.

        A target to which no route leads, a fallback, is never muted.
        """
        receivers = [name for name, targets in self.targets.items() if target in targets]
        free = [
            route.first_at(now)
            for route in self.root.leaves(labels)
            if any(route.tells(receiver) for receiver in receivers)
        ]
        return min(free, default=now)

    def _of(self, route: Route, now: float) -> Iterator[Due]:
        """Yield the dues of one route; the clock of escalation starts with the first message."""
        first = route.first_at(now + route.wait)
        for number, after, receiver in (
            (0, 0.0, route.receiver),
            *((n, step.after, step.receiver) for n, step in enumerate(route.steps, start=1)),
        ):
            wanted = first + after if number else now + route.wait
            at = min(NEVER, route.first_at(wanted))
            muted_at = wanted if at > wanted else None
            for target in self.targets[receiver]:
                yield Due(target, at, number, receiver, route.repeat, route.line, muted_at, after)


def everything(targets: tuple[str, ...]) -> Router:
    """Return the router of an installation without ``routes.yaml``."""
    return Router(Route("default"), {"default": targets})
