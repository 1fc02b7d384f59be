"""Gauges that were measured and not sent: what is sent next covers the time since it was sent last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue.model import Row, Sample
from argus_agent.derived import Derived, Sum
from argus_agent.sinks.document import entity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from argus.catalogue.model import Metric, Value

FORGET_SECONDS = 3600.0
"""What is owed of a guest that is not here for longer is not sent any more."""

_Series = tuple[int, tuple[str, ...]]


class _Debt(NamedTuple):
    metric: Metric
    labels: tuple[str, ...]
    total: Sum


class _Owner:
    """What is owed of one guest, and until when it was summed (seconds since the epoch)."""

    def __init__(self) -> None:
        self.debts: dict[_Series, _Debt] = {}
        self.until: dict[_Series, float] = {}
        self.at = 0.0

    def add(self, metric: Metric, gauge: Derived, one: Sample | Row, at: float) -> None:
        series = (id(metric), one.labels)
        if one.at is not None and one.at == self.until.get(series):
            return  # it takes turns, and is told again and again until it is renewed
        self.until[series] = at if one.at is None else one.at
        if series not in self.debts:
            self.debts[series] = _Debt(metric, one.labels, Sum())
        self.debts[series].total.add(gauge)


class Owed:
    """What is owed, by guest: a few numbers for each gauge that is made of two counters."""

    def __init__(self) -> None:
        self._owners: dict[str, _Owner] = {}

    def settle(
        self,
        told: Iterable[Sample | Row],
        at: float,
        here: Collection[str],
        sent: Collection[str],
        is_new: Callable[[Sample | Row], bool],
    ) -> Iterator[Sample | Row]:
        """Yield what a tick told, gauges of the guests in ``sent`` over the time since they were sent.

        What is new of the others that are ``here`` is left out, and their gauges are owed from now on.
        What is not ``is_new`` was sent before.
        """
        self._forget(at, here)
        for one in told:
            owner = one.labels[0] if entity_of(one).of_guest else None
            if owner is None or owner not in here or not is_new(one):
                yield one
            elif owner not in sent:
                self._add(owner, one, at)
            else:
                yield self._over_all(owner, one, at) if owner in self._owners else one
        for owner in self._owners.keys() & set(sent):
            for debt in self._owners.pop(owner).debts.values():
                yield debt.metric.sample(debt.total.total(), *debt.labels)

    def _add(self, owner: str, one: Sample | Row, at: float) -> None:
        for metric, value in _values(one):
            if isinstance(value, Derived):
                known = self._owners.setdefault(owner, _Owner())
                known.add(metric, value, one, at)
                known.at = at

    def _over_all(self, owner: str, one: Sample | Row, at: float) -> Sample | Row:
        """Take the debts of what was told into it, so that the rest can be told beside it."""
        known = self._owners[owner]
        totals: dict[int, Derived] = {}
        for metric, value in _values(one):
            if isinstance(value, Derived):
                known.add(metric, value, one, at)
                debt = known.debts.pop((id(metric), one.labels), None)
                totals[id(metric)] = value if debt is None else debt.total.total()
        if isinstance(one, Sample):
            return one._replace(value=totals.get(id(one.metric), one.value))
        return one._replace(values=tuple([totals.get(id(metric), value) for metric, value in _values(one)]))

    def _forget(self, at: float, here: Collection[str]) -> None:
        for owner in [o for o, known in self._owners.items() if o not in here]:
            if abs(at - self._owners[owner].at) > FORGET_SECONDS:  # or the clock was set
                del self._owners[owner]


def _values(one: Sample | Row) -> Iterator[tuple[Metric, Value | None]]:
    if isinstance(one, Row):
        yield from zip(one.metrics, one.values, strict=True)
    else:
        yield one.metric, one.value
