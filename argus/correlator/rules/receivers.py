"""Whether those who are to be told can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.rule import Family, Finding, Layer, rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.correlator.facts import Facts
    from argus.correlator.thresholds import Policy, Thresholds


@dataclass(frozen=True, slots=True)
class Receivers:
    """What was found when receivers were asked or told something last.

    ``errors`` has one line for each target (``slack:team``), empty for one that takes messages; ``since`` is
    when those that do not began to fail, in seconds since the epoch; ``fallback`` is whether there is one.
    """

    errors: Mapping[str, str]
    since: Mapping[str, float]
    fallback: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One target; ``error`` is empty for one that takes messages."""

    name: str
    error: str
    since: float | None
    fallback: bool


def draw(facts: Facts, _policy: Policy, _now: float) -> Iterator[tuple[str, Target]]:
    """Yield the targets that were asked or told something."""
    for told in facts.told(Receivers):
        for name, error in told.errors.items():
            yield f"receiver:{name}", Target(name, error, told.since.get(name), told.fallback)


@rule(severity=Severity.HIGH, layer=Layer.SOURCE, hold=10.0, keep=60.0)
def receiver_takes_no_messages(target: Target, _limit: Thresholds) -> Finding | None:
    """A receiver takes no messages.

    It was asked, or told something, and refused: a password, key or URL is wrong, or it is down. Nobody
    hears of anything through it; the fallback of routes.yaml, where there is one, is told in its place.
    What waits for it is kept and sent when it is well.

    What to do:
    1. The evidence has its answer. argus receivers shows all of them; argus receivers --probe asks again now.
    2. A login, key or token: is the file that routes.yaml or [smtp] names the newest? Restart after a change.
    3. No connection: does a firewall or proxy stand between this host and it? Is its status page red?
    """
    if not target.error:
        return None
    instead = "the fallback of routes.yaml" if target.fallback else "nobody: routes.yaml has no fallback"
    evidence = {"error": target.error, "told in its place": instead}
    return Finding(f"{target.name} takes no messages: {target.error}", evidence, since=target.since)


FAMILY = Family("receiver", (), draw, (receiver_takes_no_messages,))
