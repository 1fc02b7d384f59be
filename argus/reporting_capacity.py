"""What is told to Zabbix of each fleet, out of the newest report on its capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.catalogue import capacity
from argus.correlator.capacity.forecast import DAY
from argus.correlator.capacity.model import MEMORY, PCPU, VCPU
from argus.correlator.capacity.report import EVERYTHING
from argus.exporter_capacity import reports
from argus.render.names import FLEET_HOST
from argus.zabbix.fed_hosts import Fed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

    from argus.correlator.capacity.report import Class, Report, Scope

MIB = 2**20
COMPARED = frozenset({"servers", "allocations", "migrations"})  # without one of them no drift is sought
BY_HOST = "host"  # the kind of loss that is told


def fleets(session: Session, now: float) -> Iterator[Fed]:
    """Yield each fleet whose report is not too old."""
    for report in reports(session, now):
        cloud, _, region = report.fleet.partition("/")
        tags = (("cloud", cloud), *((("region", region),) if region else ()))
        yield Fed(FLEET_HOST, report.fleet, tags, document(report, now))


def document(report: Report, now: float) -> dict[str, Any]:
    """What the template ``Argus fleet by trapper`` is made of; what is not known is absent."""
    everything = report.scope(EVERYTHING)
    known = {
        capacity.UNREAD.field: len(report.missing),
        capacity.AGE.field: max(0.0, now - report.at),
        **(_room(everything) if everything else {}),
        **_losses(report),
        **_full_in(report),
        **(_pains(everything) if everything else {}),
        capacity.DRIFT.field: None if COMPARED & report.missing.keys() else sum(report.drifts.values()),
        capacity.NOISY.field: report.noisy if everything and everything.told else None,
        capacity.QUOTA_CORES.field: report.promises.get("cores", {}).get("ratio"),
        capacity.QUOTA_RAM.field: report.promises.get("ram", {}).get("ratio"),
    }
    lists = {
        capacity.SCOPE.plural: [
            {"scope": scope.name, **_present(_parts(scope))}
            for scope in report.scopes
            if scope.name != EVERYTHING
        ],
        capacity.FLAVOR.plural: [
            {"flavor": name, capacity.FITS.field: size.fits}
            for name, size in (everything.sizes if everything else {}).items()
            if size.fits or not size.most  # "none is sure" is not "none fits"
        ],
    }
    return _present(known) | {name: rows for name, rows in lists.items() if rows}


def _present(known: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in known.items() if value is not None}


def _room(scope: Scope) -> dict[str, Any]:
    cpus, memory = _cpus(scope), scope.classes.get(MEMORY)
    return {
        capacity.HOSTS.field: scope.hosts,
        capacity.HOSTS_OPEN.field: scope.taking,
        capacity.OVER.field: scope.over,
        capacity.VCPUS_PROMISED.field: scope.promised.get(VCPU),
        capacity.MEMORY_PROMISED.field: scope.promised.get(MEMORY),
        capacity.VCPUS_FREE.field: sum(each.open for each in cpus) if cpus else None,
        capacity.VCPUS_USED.field: _used(cpus),
        capacity.MEMORY_FREE.field: memory.open * MIB if memory else None,
        capacity.MEMORY_USED.field: _used([memory] if memory else []),
    }


def _parts(scope: Scope) -> dict[str, Any]:
    cpus, memory = _cpus(scope), scope.classes.get(MEMORY)
    return {
        capacity.SCOPE_VCPUS.field: sum(each.open for each in cpus) if cpus else None,
        capacity.SCOPE_MEMORY.field: memory.open * MIB if memory else None,
        capacity.SCOPE_VCPUS_PROMISED.field: scope.promised.get(VCPU),
        capacity.SCOPE_MEMORY_PROMISED.field: scope.promised.get(MEMORY),
        capacity.SCOPE_STEAL.field: scope.steal,
        capacity.SCOPE_STALL.field: scope.stall,
        capacity.SCOPE_SWAP.field: scope.swap,
    }


def _pains(scope: Scope) -> dict[str, Any]:
    return {
        capacity.STEAL.field: scope.steal,
        capacity.CPU_STALL.field: scope.cpu_stall,
        capacity.MEMORY_STALL.field: scope.stall,
        capacity.SWAP.field: scope.swap,
        capacity.BALLOONED.field: scope.ballooned,
    }


def _cpus(scope: Scope) -> list[Class]:
    """Shared and dedicated ones: a guest's vCPU is one or the other."""
    return [scope.classes[kind] for kind in (VCPU, PCPU) if kind in scope.classes]


def _used(classes: list[Class]) -> float | None:
    capacity_of_all = sum(each.capacity for each in classes)
    return sum(each.used for each in classes) / capacity_of_all if capacity_of_all > 0 else None


def _losses(report: Report) -> dict[str, Any]:
    """Unknown where no loss was tried: without a list of guests nobody can say who is left over."""
    if BY_HOST not in report.losses:
        return {}
    short = [deficit for deficit in report.deficits if deficit.by == BY_HOST]
    return {
        capacity.LOSSES_SHORT.field: len(short),
        capacity.STRANDED.field: max((deficit.count for deficit in short), default=0),
    }


def _full_in(report: Report) -> dict[str, Any]:
    """Tell of the resource that is full first, and the ends of its interval."""
    known = [each for each in report.forecasts.get(EVERYTHING, {}).values() if each["full"] is not None]
    if not known:
        return {}
    first = min(known, key=lambda each: float(each["full"]))
    ends = {capacity.FULL_EARLY: "early", capacity.FULL_IN: "full", capacity.FULL_LATE: "late"}
    return {metric.field: None if first[end] is None else first[end] * DAY for metric, end in ends.items()}
