"""Silences that follow what others say: maintenances, problems suppressed in Zabbix, ends of incidents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from argus.correlator.facts import ZABBIX, Maintenance
from argus.correlator.maintenance import all_suppressed, disabled_in_nova
from argus.correlator.service import Services
from argus.store import silences
from argus.store.models import IncidentRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from argus.correlator.facts import Facts
    from argus.correlator.thresholds import Policy

SUPPRESSED = "suppressed in Zabbix"


def follow(session: Session, facts: Facts, policy: Policy, now: float) -> None:
    """Silence what is out of service, in Zabbix or as other sources say; a blind source ends nothing."""
    out: dict[str, dict[str, str]] = {source.partition(":")[0]: {} for source in facts.sources}
    for node in facts.nodes:
        if node.in_maintenance:
            out[ZABBIX][node.host] = "in a maintenance in Zabbix"
    for each in facts.told(Maintenance):
        out.setdefault(each.source, {})[each.node] = each.why
    for source, nodes in out.items():
        if not facts.blindness((source,)):
            silences.follow(session, source, nodes, now)
    for services in facts.told(Services):
        for nova in disabled_in_nova(services, policy.maintenance_reason):
            silences.follow(session, nova.source, nova.out, now, nova.back)


def follow_incidents(
    session: Session, facts: Facts, labels: Callable[[IncidentRow], Mapping[str, str]], now: float
) -> None:
    """Silence incidents whose problems are suppressed in Zabbix, and end the silences of what is resolved.

    To be called when the incidents of this cycle are written.
    """
    _follow_suppressed(session, facts, now)
    ending = silences.until_resolved(session, now)
    rows = _not_over(session) if ending else ()
    tags = [(row.phase == "open", labels(row)) for row in rows]
    for silence in ending:
        mine = [is_open for is_open, each in tags if silences.matches(silence, each)]
        silences.end_with(session, silence, now, is_open=any(mine), is_pending=not all(mine))


def _follow_suppressed(session: Session, facts: Facts, now: float) -> None:
    if ZABBIX in facts.blind:
        return
    problems = {problem.eventid: problem.suppressed for problem in facts.problems}
    out: dict[str, str] = {}
    if any(problems.values()):
        away = {node.host for node in facts.nodes if node.in_maintenance}  # silenced as a whole
        out = {
            str(row.id): "its problems are suppressed in Zabbix"
            for row in _not_over(session)
            if all_suppressed(row.events, problems) and not away & {row.subject, row.place}
        }
    silences.follow(session, SUPPRESSED, out, now, label="incident")


def _not_over(session: Session) -> Sequence[IncidentRow]:
    return session.scalars(select(IncidentRow).where(IncidentRow.phase != "resolved")).all()
