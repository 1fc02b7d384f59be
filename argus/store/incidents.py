"""Incidents between the pure core and the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from argus.catalogue.model import Severity
from argus.correlator.evaluate import Key
from argus.correlator.incidents import Change, Incident, Phase
from argus.store.models import DecisionRow, IncidentRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from argus.correlator.incidents import Decision


@dataclass(frozen=True, slots=True)
class Active:
    """All incidents that are not resolved, as the core sees them, and their rows."""

    state: Mapping[Key, Incident]
    rows: Mapping[Key, IncidentRow]  # held on to: the session itself forgets rows that nobody holds


def load_active(session: Session) -> Active:
    """Read all incidents that are not resolved."""
    found = session.scalars(select(IncidentRow).where(IncidentRow.phase != Phase.RESOLVED.value))
    rows = {Key(row.rule, row.subject): row for row in found}
    return Active({key: _from_row(row) for key, row in rows.items()}, rows)


def recent(session: Session, since: float) -> dict[Key, int]:
    """Count how often each incident was told and resolved from then on."""
    over = (IncidentRow.resolved_at >= since, IncidentRow.told_at.is_not(None))
    by = (IncidentRow.rule, IncidentRow.subject)
    counted = session.execute(select(*by, func.count()).where(*over).group_by(*by))
    return {Key(rule, subject): number for rule, subject, number in counted}


def apply(session: Session, before: Active, decision: Decision, now: float) -> dict[Key, IncidentRow]:
    """Write what was decided, with one line of why for each change.

    Returns the rows of all incidents that had an effect, with ids: those that were dropped are gone already.
    """
    rows: dict[Key, IncidentRow] = {}
    last = {effect.incident.key: effect for effect in decision.effects}
    for key in {*last, *decision.state}:
        incident = decision.state.get(key) or last[key].incident
        if incident == before.state.get(key) and key not in last:
            continue
        rows[key] = _write(session, before.rows.get(key), incident)
    session.flush()
    lines = [
        {
            "at": now,
            "incident_id": rows[effect.incident.key].id,
            "rule": effect.incident.key.rule,
            "subject": effect.incident.key.subject,
            "what": effect.change.value,
            "detail": effect.reason,
        }
        for effect in decision.effects
    ]
    if lines:
        session.execute(insert(DecisionRow), lines)  # thousands in a storm: no object for each
    for key, effect in last.items():
        if effect.change is Change.DROPPED:
            session.delete(rows.pop(key))
    return {key: row for key, row in rows.items() if key in last}


def record(session: Session, row: IncidentRow, what: str, detail: str, now: float) -> None:
    """Append one line to the decision log."""
    session.add(
        DecisionRow(at=now, incident_id=row.id, rule=row.rule, subject=row.subject, what=what, detail=detail)
    )


def _write(session: Session, row: IncidentRow | None, incident: Incident) -> IncidentRow:
    if row is None:
        row = IncidentRow(rule=incident.key.rule, subject=incident.key.subject)
        session.add(row)
    row.phase = incident.phase.value
    row.severity = incident.severity.value
    row.summary = incident.summary
    row.evidence = dict(incident.evidence)
    row.since, row.seen_at = incident.since, incident.seen_at
    row.opened_at, row.resolved_at = incident.opened_at, incident.resolved_at
    row.clear_since, row.absent_since = incident.clear_since, incident.absent_since
    row.held = incident.held
    row.label, row.place, row.within = incident.label, incident.place, list(incident.within)
    row.cause_rule, row.cause_subject = incident.cause or ("", "")
    row.events = list(incident.events)
    row.orphan_since, row.told_at, row.flaps = incident.orphan_since, incident.told_at, incident.flaps
    return row


def _from_row(row: IncidentRow) -> Incident:
    return Incident(
        key=Key(row.rule, row.subject),
        severity=Severity(row.severity),
        summary=row.summary,
        evidence=row.evidence,
        since=row.since,
        seen_at=row.seen_at,
        phase=Phase(row.phase),
        opened_at=row.opened_at,
        clear_since=row.clear_since,
        absent_since=row.absent_since,
        resolved_at=row.resolved_at,
        held=row.held,
        label=row.label,
        place=row.place,
        within=tuple(row.within),
        cause=Key(row.cause_rule, row.cause_subject) if row.cause_rule else None,
        orphan_since=row.orphan_since,
        told_at=row.told_at,
        flaps=row.flaps,
        events=tuple(row.events),
        id=row.id,
    )
