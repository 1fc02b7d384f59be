"""The budgets of the design, as ratios within one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_bench.rounds import Row

AGENT, EXPORTER, BARE = "argus-agent", "libvirt-exporter", "bare getAllDomainStats"
RATIOS_AT = 100
CPU_RATIO, SERIES_RATIO = 0.30, 4
RSS_LIMITS = {200: 45e6, 500: 75e6}  # by guests
LINEAR_SLACK = 1.25  # noise of a shared machine


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget: what was asked and what was found; ``holds`` is ``None`` when it was not measured."""

    budget: str
    found: str
    holds: bool | None

    def __str__(self) -> str:
        word = {True: "holds", False: "DOES NOT HOLD", None: "not measured"}[self.holds]
        return f"{self.budget}: {self.found or 'no such row in this run'}; {word}"


def verdicts(rows: Iterable[Row]) -> list[Verdict]:
    """Judge a run."""
    found = {(_kind(row.name), row.guests): row for row in rows}
    agent, exporter, bare = (found.get((kind, RATIOS_AT)) for kind in (AGENT, EXPORTER, BARE))
    return [
        _cpu(agent, exporter),
        _series(agent, exporter),
        _wall(agent, bare),
        *(_rss(found.get((AGENT, guests)), guests, limit) for guests, limit in RSS_LIMITS.items()),
        _linear([row for (kind, _), row in sorted(found.items()) if kind == AGENT]),
    ]


def _kind(name: str) -> str:
    return EXPORTER if name.startswith(EXPORTER) else name


def _cpu(agent: Row | None, exporter: Row | None) -> Verdict:
    budget = f"own CPU at {RATIOS_AT} guests at most {CPU_RATIO:.2f} of the exporter's"
    if agent is None or exporter is None or exporter.own <= 0:
        return Verdict(budget, "", None)
    ratio = agent.own / exporter.own
    return Verdict(budget, f"{ratio:.2f}", ratio <= CPU_RATIO)


def _series(agent: Row | None, exporter: Row | None) -> Verdict:
    budget = f"at least {SERIES_RATIO} times the exporter's series at {RATIOS_AT} guests"
    if agent is None or exporter is None or not exporter.series:
        return Verdict(budget, "", None)
    ratio = agent.series / exporter.series
    return Verdict(budget, f"{ratio:.1f} times", ratio >= SERIES_RATIO)


def _wall(agent: Row | None, bare: Row | None) -> Verdict:
    budget = f"wall at {RATIOS_AT} guests not above one bare getAllDomainStats"
    if agent is None or bare is None or agent.wall is None or not bare.wall:
        return Verdict(budget, "", None)
    ratio = agent.wall / bare.wall
    return Verdict(budget, f"{ratio:.2f} of it", ratio <= 1)


def _rss(agent: Row | None, guests: int, limit: float) -> Verdict:
    budget = f"peak RSS at {guests} guests at most {limit / 1e6:.0f} MB"
    if agent is None:
        return Verdict(budget, "", None)
    return Verdict(budget, f"{agent.rss / 1e6:.1f} MB", agent.rss <= limit)


def _linear(agents: list[Row]) -> Verdict:
    """From the second smallest to the largest: below that, what a cycle costs without guests weighs most."""
    budget = "own CPU linear in guests"
    if len(agents) < 3:
        return Verdict(budget, "", None)
    small, large = agents[1], agents[-1]
    growth = (large.own / small.own) / (large.guests / small.guests)
    text = f"{growth:.2f} times the CPU of a guest at {large.guests} as at {small.guests}"
    return Verdict(budget, text, growth <= LINEAR_SLACK)
