"""Incidents between the pure core and the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from argus.catalogue.model import Severity
from argus.correlator.evaluate import GUEST_NAMES, Key
from argus.correlator.incidents import Change, Incident, Phase
from argus.store.models import DecisionRow, IncidentRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from argus.correlator.incidents import Decision, Effect
    from argus.store.engine import Store


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


def guests_in_trouble(store: Store) -> frozenset[str]:
    """Return the UUIDs of guests with an incident that is not over."""
    mine = select(IncidentRow.subject).where(
        IncidentRow.phase != Phase.RESOLVED.value, IncidentRow.rule.in_(GUEST_NAMES)
    )
    with store.read() as session:
        return frozenset(session.scalars(mine))


def subjects(session: Session, rules: Sequence[str]) -> tuple[str, ...]:
    """Return the subjects of some rules' incidents that are not resolved."""
    mine = (IncidentRow.rule.in_(rules), IncidentRow.phase != Phase.RESOLVED.value)
    return tuple(session.scalars(select(IncidentRow.subject).where(*mine).order_by(IncidentRow.subject)))


def recent(session: Session, since: float) -> dict[Key, int]:
    """Count how often each incident was told and resolved from then on; merged ones did not end."""
    over = (
        IncidentRow.resolved_at >= since,
        IncidentRow.told_at.is_not(None),
        IncidentRow.cause_rule == "",
    )
    by = (IncidentRow.rule, IncidentRow.subject)
    counted = session.execute(select(*by, func.count()).where(*over).group_by(*by))
    return {Key(rule, subject): number for rule, subject, number in counted}


def apply(session: Session, before: Active, decision: Decision, now: float) -> dict[Key, IncidentRow]:
    """Write what was decided, with one line of why for each change.

    Returns the rows, with ids, of those incidents that had an effect of which somebody may have to hear: not
    of those that were dropped, nor of new ones that only their cause tells of.
    """
    rows: dict[Key, IncidentRow] = {}
    silent: list[Incident] = []
    last = {effect.incident.key: effect for effect in decision.effects}
    merged = _end_merged(before, decision)
    for key in {*last, *decision.state}:
        incident = decision.state.get(key) or last[key].incident
        old = None if key in merged else before.state.get(key)
        if incident == old and key not in last:
            continue
        if old is None and incident.told_at is None:
            silent.append(incident)
        else:
            rows[key] = _write(session, before.rows.get(key), old, incident)
    session.flush()
    ids = {key: row.id for key, row in rows.items()} | _insert(session, silent)
    lines = list(_lines(decision.effects, ids, merged, now))
    if lines:
        session.execute(insert(DecisionRow), lines)  # thousands in a storm: no object for each
    for key, effect in last.items():
        if effect.change is Change.DROPPED:
            session.delete(rows.pop(key))
    return {key: row for key, row in (rows | merged).items() if key in last}


def _end_merged(before: Active, decision: Decision) -> dict[Key, IncidentRow]:
    """Write the end of those that go on as symptoms, which are new incidents; returns their rows."""
    merged = {}
    for effect in decision.effects:
        key = effect.incident.key
        if effect.change is Change.MERGED:
            row = before.rows[key]
            for name, value in _columns(effect.incident).items():
                setattr(row, name, value)
            merged[key] = row
    return merged


def _lines(
    effects: Sequence[Effect], ids: Mapping[Key, int], merged: Mapping[Key, IncidentRow], now: float
) -> Iterator[dict[str, Any]]:
    """Yield the decision log; up to a merger it is about the one that ends by it."""
    over: set[Key] = set()
    for effect in effects:
        key = effect.incident.key
        mine = merged[key].id if key in merged and key not in over else ids[key]
        if effect.change is Change.MERGED:
            over.add(key)
        yield {
            "at": now,
            "incident_id": mine,
            "rule": key.rule,
            "subject": key.subject,
            "what": effect.change.value,
            "detail": effect.reason,
        }


def _insert(session: Session, incidents: Sequence[Incident]) -> dict[Key, int]:
    """Write new incidents, thousands in a storm, without an object for each; returns their ids."""
    if not incidents:
        return {}
    values = [{"rule": each.key.rule, "subject": each.key.subject, **_columns(each)} for each in incidents]
    numbers = session.scalars(
        insert(IncidentRow).returning(IncidentRow.id, sort_by_parameter_order=True), values
    )
    return {each.key: number for each, number in zip(incidents, numbers, strict=True)}


def record(session: Session, row: IncidentRow, what: str, detail: str, now: float) -> None:
    """Append one line to the decision log."""
    session.add(
        DecisionRow(at=now, incident_id=row.id, rule=row.rule, subject=row.subject, what=what, detail=detail)
    )


def _write(
    session: Session, row: IncidentRow | None, old: Incident | None, incident: Incident
) -> IncidentRow:
    columns = _columns(incident)
    if row is None:
        row = IncidentRow(rule=incident.key.rule, subject=incident.key.subject, **columns)
        session.add(row)
        return row
    known = _columns(old) if old is not None else {}
    for name, value in columns.items():
        if name not in known or value != known[name]:
            setattr(row, name, value)
    return row


def _columns(incident: Incident) -> dict[str, Any]:
    cause = incident.cause or ("", "")
    return {
        "phase": incident.phase.value,
        "severity": incident.severity.value,
        "summary": incident.summary,
        "evidence": dict(incident.evidence),
        "since": incident.since,
        "seen_at": incident.seen_at,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "clear_since": incident.clear_since,
        "absent_since": incident.absent_since,
        "held": incident.held,
        "label": incident.label,
        "place": incident.place,
        "within": list(incident.within),
        "cause_rule": cause[0],
        "cause_subject": cause[1],
        "events": list(incident.events),
        "orphan_since": incident.orphan_since,
        "told_at": incident.told_at,
        "flaps": incident.flaps,
        "group_name": incident.group,
        "size": incident.size,
    }


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
        acked=row.acked_at is not None,
        group=row.group_name,
        size=row.size,
        id=row.id,
    )
