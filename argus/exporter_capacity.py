"""Capacity for Prometheus: ``argus_fleet_*`` of the newest report of each fleet that is not too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from argus.catalogue import exported_fleet as exported
from argus.correlator.capacity.report import of_payload
from argus.exporter_families import family
from argus.store.models import SnapshotRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric
    from sqlalchemy.orm import Session

    from argus.catalogue.exported import Series
    from argus.correlator.capacity.report import Report

SOURCE = "capacity:"
OLDEST = 3600.0  # s; what is older is not shown: the age is


def reports(session: Session, now: float) -> tuple[Report, ...]:
    """Return the newest report of each fleet that is not older than an hour."""
    rows = session.scalars(select(SnapshotRow).where(SnapshotRow.source.startswith(SOURCE)))
    return tuple(of_payload(row.payload) for row in rows if row.payload and now - (row.at or 0.0) < OLDEST)


def families(session: Session, now: float) -> Iterator[Metric]:
    """Yield all families; a figure that is not known has no sample."""
    made = reports(session, now)
    if made:
        yield from _hosts(made)
        yield from _classes(made)
        yield from _flavors(made)
        yield from _pains(made)
        yield from _losses(made)
        yield from _rest(made, now)


def _classes(made: tuple[Report, ...]) -> Iterator[Metric]:
    figures = {
        "capacity": exported.CAPACITY,
        "used": exported.USED,
        "doubled": exported.HELD_TWICE,
        "free": exported.FREE,
        "open": exported.FREE_OPEN,
    }
    for field, series in figures.items():
        told = family(series)
        for report in made:
            for scope in report.scopes:
                for kind, each in scope.classes.items():
                    told.add_metric((report.fleet, scope.name, kind), getattr(each, field))
        yield told
    promised = family(exported.PROMISED)
    for report in made:
        for scope in report.scopes:
            for kind, ratio in scope.promised.items():
                promised.add_metric((report.fleet, scope.name, kind), ratio)
    yield promised


def _hosts(made: tuple[Report, ...]) -> Iterator[Metric]:
    figures = {"hosts": exported.HOSTS, "taking": exported.HOSTS_OPEN, "over": exported.HOSTS_OVER}
    yield from _of_scopes(made, figures)


def _of_scopes(made: tuple[Report, ...], figures: Mapping[str, Series]) -> Iterator[Metric]:
    """Yield a family for each field of a scope; what is not known has no sample."""
    for field, series in figures.items():
        told = family(series)
        for report in made:
            for scope in report.scopes:
                if (value := getattr(scope, field)) is not None:
                    told.add_metric((report.fleet, scope.name), value)
        yield told


def _flavors(made: tuple[Report, ...]) -> Iterator[Metric]:
    fits, may = family(exported.FITS), family(exported.MAY_FIT)
    scattered = family(exported.FRAGMENTATION)
    for report in made:
        for scope in report.scopes:
            for name, size in scope.sizes.items():
                may.add_metric((report.fleet, scope.name, name), size.most)
                if size.fits or not size.most:  # "none is sure" is not "none fits"
                    fits.add_metric((report.fleet, scope.name, name), size.fits)
                if size.ideal:
                    scattered.add_metric((report.fleet, scope.name, name), 1 - size.fits / size.ideal)
    yield from (fits, may, scattered)


def _pains(made: tuple[Report, ...]) -> Iterator[Metric]:
    figures = {
        "steal": exported.STEAL,
        "cpu_stall": exported.CPU_STALL,
        "stall": exported.MEMORY_STALL,
        "swap": exported.SWAP,
        "ballooned": exported.BALLOONED,
    }
    yield from _of_scopes(made, figures)
    stranded, noisy = family(exported.STRANDED), family(exported.NOISY)
    for report in made:
        noisy.add_metric((report.fleet,), report.noisy)
        for scope in report.scopes:
            for kind, amount in scope.stranded.items():
                stranded.add_metric((report.fleet, scope.name, kind), amount)
    yield from (stranded, noisy)


def _losses(made: tuple[Report, ...]) -> Iterator[Metric]:
    tried, short = family(exported.LOSSES_TRIED), family(exported.LOSSES_SHORT)
    out = family(exported.WITHOUT_HOST)
    for report in made:
        for by, number in report.losses.items():
            left = [each.count for each in report.deficits if each.by == by]
            tried.add_metric((report.fleet, by), number)
            short.add_metric((report.fleet, by), sum(1 for count in left if count))
            out.add_metric((report.fleet, by), max(left, default=0))
    yield from (tried, short, out)


def _rest(made: tuple[Report, ...], now: float) -> Iterator[Metric]:
    ends = {
        "full": family(exported.FULL),
        "early": family(exported.FULL_EARLIEST),
        "late": family(exported.FULL_LATEST),
    }
    quota, drift = family(exported.QUOTA), family(exported.DRIFT)
    unread, age = family(exported.UNREAD), family(exported.AGE)
    for report in made:
        age.add_metric((report.fleet,), max(0.0, now - report.at))
        for scope, kinds in report.forecasts.items():
            for kind, each in kinds.items():
                for end, told in ends.items():
                    if each[end] is not None:
                        told.add_metric((report.fleet, scope, kind), each[end])
        for kind, promise in report.promises.items():
            if promise["ratio"] is not None:
                quota.add_metric((report.fleet, kind), promise["ratio"])
        for kind, number in report.drifts.items():
            drift.add_metric((report.fleet, kind), number)
        for part in report.missing:
            unread.add_metric((report.fleet, part), 1)
    yield from (*ends.values(), quota, drift, unread, age)
