"""Capacity as a slow source: read and worked out by a job of its own, kept in SQL as sums."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from argus.config import policy
from argus.correlator.capacity import noisy
from argus.correlator.capacity.forecast import DAY, forecast
from argus.correlator.capacity.report import (
    Neighbours,
    Report,
    of_payload,
    payload,
    report,
    scopes_of,
)
from argus.correlator.rules.fleet import WAITS
from argus.fleets import AGENTS
from argus.sources import is_due, refresh
from argus.store import capacity as history
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from argus.correlator.capacity.model import Fleet
    from argus.fleets import Fleets
    from argus.site import Site
    from argus.store.engine import Store

READ_SECONDS = 900.0  # the lease: longer than any reading of a cloud with its calls' time-outs
RETRY_SECONDS = 30.0  # shorter than the hold of source_cannot_be_read: no page after Zabbix was away
NOISES = 100  # victims that a report keeps: the worst
DEMAND = "memory in use"  # MiB; beside resource classes in history


@dataclass(frozen=True, slots=True)
class CapacitySource:
    """One fleet.  ``every`` is the interval of reading, ``keep`` that of history, in seconds."""

    fleets: Fleets
    fleet: str
    store: Store
    every: float
    keep: float
    across_zones: bool = False
    waits: noisy.Limits = noisy.LIMITS
    looks: noisy.Limits = noisy.LIMITS  # the strictest: of any scope, and of incidents that are open
    seconds: float = READ_SECONDS
    clock: Callable[[], float] = field(default=time.time)

    @property
    def name(self) -> str:
        """The source's name, with the fleet's; that of the agents comes through Zabbix."""
        return f"capacity:{self.fleet}" + ("@zabbix" if self.fleet == AGENTS else "")

    @property
    def max_age(self) -> float:
        """Three missed readings."""
        return 3 * self.every + self.seconds / 10

    def fetch(self) -> Any:
        """Read the fleet and work everything out.  Raises ``ArgusError`` when nothing can be said."""
        fleet = self.fleets.read(self.fleet)
        with self.store.read() as session:
            row = snapshots.get(session, self.name)
        before = row.payload.get("suspected", ()) if row is not None and row.payload else ()
        made = report(fleet, across_zones=self.across_zones, before=frozenset(before))
        now = self.clock()
        with self.store.write() as session:
            history.note(session, self.fleet, figures(made), now)
            history.prune(session, now - self.keep)
        with self.store.read() as session:
            series = history.series(session, now - self.keep)
        forecasts: dict[str, dict[str, Any]] = {}
        for (name, scope, kind), each in series.items():
            if name == self.fleet:
                found = forecast(each.samples, each.capacity)
                days = {"full": found.full, "early": found.early, "late": found.late}
                forecasts.setdefault(scope, {})[kind] = {**days, "refused": found.refused}
        return payload(replace(made, forecasts=forecasts, noises=tuple(self._noises(fleet))))

    def facts(self, payload: Any, at: float) -> Report:
        """Return the report of a snapshot."""
        del at  # the report knows when it was made
        return of_payload(payload)

    def _noises(self, fleet: Fleet) -> Iterator[Neighbours]:
        """Ask for guests only where a node says that one waits."""
        waiting = {host.name: host for host in fleet.hosts if noisy.is_waiting(host.pain, self.looks)}
        homes = {name.partition(".")[0]: host for name, host in waiting.items()} | waiting
        if not homes:  # by short names too, as the agent may call itself
            return
        for noise in noisy.noises(self.fleets.usages(homes.keys()), self.looks)[:NOISES]:
            told = noise.value >= self.waits.of(noise.resource)
            scopes = scopes_of(homes[noise.victim.host])
            yield Neighbours(noise.text, noise.resource, noise.value, told, scopes)


def figures(made: Report) -> Iterator[tuple[str, str, float, float]]:
    """Yield what history keeps: scope, class, used (each guest once), capacity."""
    for scope in made.scopes:
        if "allocations" not in made.missing:
            for kind, each in scope.classes.items():
                yield scope.name, kind, each.used - each.doubled, each.capacity
        if scope.demand is not None and scope.memory:
            yield scope.name, DEMAND, scope.demand, scope.memory


def sources(conf: Any, fleets: Fleets, store: Store) -> tuple[CapacitySource, ...]:
    """Make a source a fleet."""
    return tuple(
        CapacitySource(
            fleets,
            name,
            store,
            conf.capacity.interval,
            conf.capacity.keep_days * DAY,
            conf.capacity.failover_across_zones,
            *_waits(conf),
        )
        for name in fleets.names()
    )


def _waits(conf: Any) -> tuple[noisy.Limits, noisy.Limits]:
    """Return the limits of the fleet, and the strictest that any scope or open incident is judged by."""
    terms = policy(conf)
    strict = terms.thresholds.relaxed()
    looks = {}
    for resource, name in WAITS.items():
        usual, relaxed = getattr(terms.thresholds, name), getattr(strict, name)
        own = [limits[name] for limits in terms.capacity.limits.values() if name in limits]
        looks[resource] = min([usual, *own]) * (relaxed / usual if usual else 1.0)
    usually = {resource: getattr(terms.thresholds, name) for resource, name in WAITS.items()}
    return noisy.Limits(**usually), noisy.Limits(**looks)


def retry_every(conf: Any) -> float:
    """Return the seconds between two looks: what failed is read again soon, not an interval later."""
    return min(RETRY_SECONDS, float(conf.capacity.interval))


def refresh_all(site: Site) -> bool:
    """Read the fleets that are due, one after the other; false where others are at them, or none is."""
    mine = [slow for slow in site.slow if isinstance(slow, CapacitySource)]
    done = [refresh(site, slow) for slow in mine if is_due(site, slow, slow.every)]
    return bool(mine) and (any(done) or not done)
