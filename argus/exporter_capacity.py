"""Capacity for Prometheus: ``argus_fleet_*`` of the newest report of each fleet that is not too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import select

from argus.correlator.capacity.report import of_payload
from argus.store.models import SnapshotRow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric
    from sqlalchemy.orm import Session

    from argus.correlator.capacity.report import Report

SOURCE = "capacity:"
OLDEST = 3600.0  # s; what is older is not shown: the age is
_CLASS = ("fleet", "scope", "class")
_FLAVOR = ("fleet", "scope", "flavor")


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
    texts = {
        "capacity": "int((total - reserved) * allocation_ratio), summed over the hosts of the scope.",
        "used": "Allocated, as Placement counts.",
        "held_twice": "The part of used that guests hold a second time (evacuations, migrations).",
        "free": "Capacity less used; below zero for a ratio that was lowered.",
        "free_open": "What is left on hosts that take guests.",
    }
    fields = {"held_twice": "doubled", "free_open": "open"}
    for name, text in texts.items():
        family = GaugeMetricFamily(f"argus_fleet_resource_{name}", text, labels=_CLASS)
        for report in made:
            for scope in report.scopes:
                for kind, each in scope.classes.items():
                    family.add_metric((report.fleet, scope.name, kind), getattr(each, fields.get(name, name)))
        yield family
    promised = GaugeMetricFamily(
        "argus_fleet_promised_ratio", "Used, of total less reserved: overcommit by allocation.", labels=_CLASS
    )
    for report in made:
        for scope in report.scopes:
            for kind, ratio in scope.promised.items():
                promised.add_metric((report.fleet, scope.name, kind), ratio)
    yield promised


def _hosts(made: tuple[Report, ...]) -> Iterator[Metric]:
    texts = {
        "hosts": ("hosts", "Computes of the scope."),
        "hosts_open": ("taking", "Those that take guests: up, and not disabled."),
        "hosts_over_capacity": ("over", "Those that hold more than their capacity."),
    }
    for name, (field, text) in texts.items():
        family = GaugeMetricFamily(f"argus_fleet_{name}", text, labels=("fleet", "scope"))
        for report in made:
            for scope in report.scopes:
                family.add_metric((report.fleet, scope.name), getattr(scope, field))
        yield family


def _flavors(made: tuple[Report, ...]) -> Iterator[Metric]:
    fits = GaugeMetricFamily(
        "argus_fleet_flavor_fits",
        "How many more guests of a flavor fit now.",
        labels=_FLAVOR,
    )
    may = GaugeMetricFamily(
        "argus_fleet_flavor_may_fit",
        "How many more may fit: more than fit where nobody tells which NUMA nodes are free.",
        labels=_FLAVOR,
    )
    scattered = GaugeMetricFamily(
        "argus_fleet_flavor_fragmentation_ratio",
        "Share of the guests of a flavor that would fit if all that is left were on one host, and do not.",
        labels=_FLAVOR,
    )
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
    texts = {
        "steal_ratio": ("steal", "Share of time that the worst guest waits for a CPU."),
        "cpu_stall_ratio": ("cpu_stall", "Share of time that a task waits for a CPU on the worst host."),
        "memory_stall_ratio": ("stall", "Share of time that a task waits for memory on the worst host."),
        "swap_used_bytes": ("swap", "Swap in use on the worst host."),
        "ballooned_bytes": ("ballooned", "Memory that balloons hold back on the worst host."),
    }
    for name, (field, text) in texts.items():
        family = GaugeMetricFamily(f"argus_fleet_worst_{name}", text, labels=("fleet", "scope"))
        for report in made:
            for scope in report.scopes:
                if (value := getattr(scope, field)) is not None:
                    family.add_metric((report.fleet, scope.name), value)
        yield family
    stranded = GaugeMetricFamily(
        "argus_fleet_resource_stranded",
        "Left on hosts that take guests, but not one more of the largest flavor.",
        labels=_CLASS,
    )
    noisy = GaugeMetricFamily(
        "argus_fleet_noisy_neighbours", "Guests that wait because of a neighbour.", labels=("fleet",)
    )
    for report in made:
        noisy.add_metric((report.fleet,), report.noisy)
        for scope in report.scopes:
            for kind, amount in scope.stranded.items():
                stranded.add_metric((report.fleet, scope.name, kind), amount)
    yield from (stranded, noisy)


def _losses(made: tuple[Report, ...]) -> Iterator[Metric]:
    tried = GaugeMetricFamily(
        "argus_fleet_losses_tried", "Hosts or racks whose loss was tried.", labels=("fleet", "by")
    )
    short = GaugeMetricFamily(
        "argus_fleet_losses_short", "Those whose guests do not all fit elsewhere.", labels=("fleet", "by")
    )
    for report in made:
        for by, number in report.losses.items():
            tried.add_metric((report.fleet, by), number)
            short.add_metric(
                (report.fleet, by), sum(1 for each in report.deficits if each.by == by and each.count)
            )
    out = GaugeMetricFamily(
        "argus_fleet_loss_guests_without_host",
        "Guests that find no host after the worst loss of the kind.",
        labels=("fleet", "by"),
    )
    for report in made:
        for by in report.losses:
            worst = max((each.count for each in report.deficits if each.by == by), default=0)
            out.add_metric((report.fleet, by), worst)
    yield from (tried, short, out)


def _rest(made: tuple[Report, ...], now: float) -> Iterator[Metric]:
    ends = {
        "full": GaugeMetricFamily("argus_fleet_full_in_days", "Forecast: days until full.", labels=_CLASS),
        "early": GaugeMetricFamily(
            "argus_fleet_full_earliest_days",
            "Early end of the 90 % interval of argus_fleet_full_in_days.",
            labels=_CLASS,
        ),
        "late": GaugeMetricFamily(
            "argus_fleet_full_latest_days",
            "Late end of the 90 % interval of argus_fleet_full_in_days; absent beyond three years.",
            labels=_CLASS,
        ),
    }
    quota = GaugeMetricFamily(
        "argus_fleet_quota_promise_ratio", "Sum of quotas, of capacity.", labels=("fleet", "resource")
    )
    drift = GaugeMetricFamily(
        "argus_fleet_drift", "Disagreements of Nova, Placement and libvirt.", labels=("fleet", "kind")
    )
    unread = GaugeMetricFamily(
        "argus_fleet_part_unread", "Parts of a fleet that could not be read.", labels=("fleet", "part")
    )
    age = GaugeMetricFamily("argus_fleet_age_seconds", "Age of the figures of a fleet.", labels=("fleet",))
    for report in made:
        age.add_metric((report.fleet,), max(0.0, now - report.at))
        for scope, kinds in report.forecasts.items():
            for kind, each in kinds.items():
                for end, family in ends.items():
                    if each[end] is not None:
                        family.add_metric((report.fleet, scope, kind), each[end])
        for kind, promise in report.promises.items():
            if promise["ratio"] is not None:
                quota.add_metric((report.fleet, kind), promise["ratio"])
        for kind, number in report.drifts.items():
            drift.add_metric((report.fleet, kind), number)
        for part in report.missing:
            unread.add_metric((report.fleet, part), 1)
    yield from (*ends.values(), quota, drift, unread, age)
