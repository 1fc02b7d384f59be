"""The routing tree: from the labels of an incident to targets, and when each is due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.routing.matchers import Matcher, all_match
from argus.routing.times import Window, free_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Step:
    """Who else is told when nobody acknowledged or mended it; ``after`` in seconds."""

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
    steps: tuple[Step, ...] = ()
    line: int = 0

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


@dataclass(frozen=True, slots=True)
class Due:
    """One message to one target (``kind:address``) at ``at``, seconds since the epoch. Step 0 is first."""

    target: str
    at: float
    step: int
    receiver: str


@dataclass(frozen=True, slots=True)
class Router:
    """The tree with the targets of each receiver; ``fallback`` gets what no other receiver took."""

    root: Route
    targets: Mapping[str, tuple[str, ...]]
    fallback: str = ""
    source: str = "default: everything goes to [smtp] recipients"
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of targets

    def due(self, labels: Mapping[str, str], now: float) -> tuple[Due, ...]:
        """Return who is told when; each target once, at its earliest."""
        first: dict[str, Due] = {}
        for route in self.root.leaves(labels):
            for each in self._of(route, now):
                known = first.get(each.target)
                if known is None or each.at < known.at:
                    first[each.target] = each
        return tuple(sorted(first.values(), key=lambda due: (due.at, due.target)))

    def fallback_targets(self, target: str) -> tuple[str, ...]:
        """Return who is told when ``target`` cannot be reached."""
        return tuple(other for other in self.targets.get(self.fallback, ()) if other != target)

    def _of(self, route: Route, now: float) -> Iterator[Due]:
        at = free_at(route.muted, now + route.wait)
        for target in self.targets[route.receiver]:
            yield Due(target, at, 0, route.receiver)
        for number, step in enumerate(route.steps, start=1):
            for target in self.targets[step.receiver]:
                yield Due(target, max(at, now + step.after), number, step.receiver)


def everything(targets: tuple[str, ...]) -> Router:
    """Return the router of an installation without ``routes.yaml``."""
    return Router(Route("default"), {"default": targets})
