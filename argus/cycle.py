"""One look at the world: read facts, decide, and write incidents and messages in one transaction."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from argus import failpoints, out_of_service
from argus.correlator import reported
from argus.correlator.causes import OF_GUESTS
from argus.correlator.clocks import follow
from argus.correlator.evaluate import GUEST_NAMES, is_ill
from argus.correlator.facts import ZABBIX
from argus.correlator.fleet import fleet_sums
from argus.correlator.incidents import Change, Decision, decide
from argus.correlator.rulebook import BOOK
from argus.correlator.tenants import told_triggers
from argus.foreign_text import cleaned
from argus.notify import HEAR_UPDATES
from argus.notify.base import Kind, Notification
from argus.routing.matchers import SHARED
from argus.store import clocks, incidents, leases, outbox, progress, pulses, topology
from argus.store.silences import Quiet, let_go

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from argus.correlator.facts import Facts
    from argus.correlator.incidents import Effect, Incident, Key
    from argus.correlator.thresholds import Policy
    from argus.site import Site
    from argus.store.incidents import Active
    from argus.store.models import IncidentRow

log = logging.getLogger(__name__)

LEASE = "correlate"
READ_LONGEST = 240.0  # seconds of one step of reading; a worker ends the task a minute later
TELLING = {Change.OPENED, Change.RESOLVED, Change.MERGED}


def correlate(site: Site) -> bool:
    """Run one cycle; false when another process is at it.

    Raises ``LeaseLostError`` or ``StoreError``; then nothing was written.
    """
    lease = leases.acquire(site.store, LEASE, site.owner, site.lease_seconds, site.lease_clock())
    if lease is None:
        return False
    try:
        began = site.clock()
        with leases.kept(site.store, lease, site.lease_seconds, site.lease_clock, READ_LONGEST) as alive:
            facts = cleaned(site.source.read(alive))
        facts = replace(facts, at=began if facts.at is None else facts.at)
    except Exception:
        leases.release(site.store, lease)
        raise
    with site.store.write() as session:
        leases.finish(session, lease)
        now = site.clock()
        facts = _with_pulse(session, facts, site.policy, now)
        before = incidents.load_active(session)
        facts = _with_clocks(session, facts, site.policy, now)
        facts = _with_placements(session, facts, before.state, site.policy, now)
        recent = incidents.recent(session, now - site.policy.flap_window)
        out_of_service.follow(session, facts, site.policy, now)
        quiet = Quiet.at(session, now)
        decision = decide(
            before.state,
            facts,
            site.policy,
            now,
            recent=recent,
            silenced=lambda incident: quiet.matching(labels_of(incident)) is not None,
        )
        write(session, site, before, decision, now)
        out_of_service.follow_incidents(session, facts, labels, now)
        if ZABBIX not in facts.blind:
            sums = fleet_sums(facts, site.policy.stale_after, facts.read_at(now))
            progress.write_fleet(session, sums, now)
        if told(decision):
            failpoints.reach("before_decision_commit")
    if told(decision):
        failpoints.reach("after_decision_commit")
    for effect in decision.effects:
        key = effect.incident.key
        log.info("%s %s on %s: %s", effect.change.value, key.rule, key.subject, effect.reason)
    return True


def write(session: Session, site: Site, before: Active, decision: Decision, now: float) -> None:
    """Write a decision and queue its messages, all at once.

    Where the database refuses it, each incident is written by itself: one that cannot be written costs itself
    alone.  Raises ``OperationalError`` and the like when the database itself is away.
    """
    error = _attempt(session, site, before, decision, now, {})
    if error is None:
        return
    log.warning("the decision is written incident by incident: %s", _first_line(error))
    written: dict[Key, IncidentRow] = {}
    for key, part in apart(decision):
        error = _attempt(session, site, before, part, now, written)
        if error is not None:
            log.error("%s on %s cannot be written: %s", key.rule, key.subject, _first_line(error))


def _attempt(
    session: Session,
    site: Site,
    before: Active,
    decision: Decision,
    now: float,
    written: dict[Key, IncidentRow],
) -> Exception | None:
    """Write within a savepoint; return what one of the values made fail."""
    try:
        with session.begin_nested():
            _write_all(session, site, before, decision, now, written)
    except (SQLAlchemyError, ValueError, TypeError, LookupError) as exc:
        lost = isinstance(exc, DBAPIError) and exc.connection_invalidated
        if lost or isinstance(exc, OperationalError | InterfaceError):
            raise  # the database's own failure, of which no value is the reason
        return exc
    return None


def _first_line(exc: Exception) -> str:
    return f"{type(exc).__name__}: {str(getattr(exc, 'orig', exc)).partition(chr(10))[0]}"


def apart(decision: Decision) -> Iterator[tuple[Key, Decision]]:
    """Yield what was decided of each incident, the causes before their symptoms where both are new."""
    effects: defaultdict[Key, list[Effect]] = defaultdict(list)
    for effect in decision.effects:
        effects[effect.incident.key].append(effect)
    keys = {*effects, *decision.state}
    for key in sorted(keys, key=lambda key: (_merges(effects[key]), key)):
        state = {key: decision.state[key]} if key in decision.state else {}
        yield key, Decision(state, tuple(effects[key]))


def _merges(effects: Sequence[Effect]) -> bool:
    return any(effect.change is Change.MERGED for effect in effects)


def _write_all(
    session: Session,
    site: Site,
    before: Active,
    decision: Decision,
    now: float,
    known: dict[Key, IncidentRow],
) -> None:
    """Write incidents and queue messages; ``known`` are rows of the same cycle that were written before."""
    known |= incidents.apply(session, before, decision, now)
    quiet = Quiet.at(session, now)
    told = outbox.beginnings(session, sorted(row.id for row in known.values()))
    for effect in decision.effects:
        row = known.get(effect.incident.key)
        if effect.change is Change.MERGED and row is not None:
            cause = effect.incident.cause
            into = (known.get(cause) or before.rows.get(cause)) if cause is not None else None
            _tell_merger(session, row, into, effect.reason, now)
        else:
            _tell(session, site, effect, row, quiet, told, now)
    session.flush()


def _with_pulse(session: Session, facts: Facts, policy: Policy, now: float) -> Facts:
    """Say that Zabbix is blind when its server is dead though the API answers, and since when it lives."""
    if ZABBIX not in facts.sources:
        return facts
    if ZABBIX in facts.blind:
        known = pulses.follow(session, None, policy.pulse_limit, now)
        since = {} if known is None else {ZABBIX: known.seen_at}
        return replace(facts, blind_since={**since, **facts.blind_since})
    if facts.pulse is None:
        return facts
    known = pulses.follow(session, facts.pulse, policy.pulse_limit, now)
    if known is None or not known.lost:
        return replace(facts, awake_since=known.awake_since if known is not None else 0.0)
    at = datetime.fromtimestamp(known.seen_at, UTC)
    why = f"its server has written nothing new since {at:%Y-%m-%d %H:%M:%S} UTC, though the API answers"
    return replace(
        facts,
        problems=(),
        nodes=(),
        proxies=(),
        blind=(*facts.blind, ZABBIX),
        why_blind=(*facts.why_blind, why),
        blind_since={**facts.blind_since, ZABBIX: known.seen_at},
    )


def _with_clocks(session: Session, facts: Facts, policy: Policy, now: float) -> Facts:
    """Add when nodes whose clocks are off were last heard of."""
    if ZABBIX in facts.blind:
        return facts
    known = clocks.known(session)
    facts, after = follow(known, facts, policy.stale_after, now)
    clocks.remember(session, known, after)
    return facts


def _with_placements(
    session: Session, facts: Facts, state: Mapping[Key, Incident], policy: Policy, now: float
) -> Facts:
    """Add who runs where, of the guests and nodes that this cycle may say something about."""
    if ZABBIX in facts.blind:
        return facts
    told_unasked = told_triggers(policy)
    troubled = {problem.host for problem in facts.problems if problem.trigger_ident in told_unasked}
    guests = troubled | reported.hosts(facts.problems, policy.problems)
    guests |= {key.subject for key in state if key.rule in GUEST_NAMES}
    nodes = {values.host for values in facts.nodes if is_ill(values, policy, facts.read_at(now))}
    nodes |= {key.subject for key in state if key.rule in OF_GUESTS}
    return replace(facts, placements=topology.placements(session, guests, nodes))


def told(decision: Decision) -> bool:
    """Tell whether messages came out of a decision."""
    return any(effect.change in TELLING for effect in decision.effects)


def labels(row: IncidentRow) -> dict[str, str]:
    """Return what matchers of routes and silences see of an incident."""
    return _labels(row.rule, row.subject, row.severity, row)


def labels_of(incident: Incident) -> dict[str, str]:
    """Return what matchers see of an incident that may not be written yet."""
    return _labels(*incident.key, incident.severity.value, incident)


def _labels(rule: str, subject: str, severity: str, each: IncidentRow | Incident) -> dict[str, str]:
    shared = (part.partition(":") for part in (*each.within, subject))
    return {
        "incident": str(each.id),
        "rule": rule,
        "severity": severity,
        "subject": subject,
        "name": each.label or subject,
        "node": each.place or subject,
        "project": each.evidence.get("project", ""),
        "kind": BOOK.kinds.get(rule, ""),
        **{kind: name for kind, _, name in shared if name and kind in SHARED},
    }


def _tell(
    session: Session,
    site: Site,
    effect: Effect,
    row: IncidentRow | None,
    quiet: Quiet,
    known: Mapping[int, set[str]],
    now: float,
) -> None:
    """Queue messages for an incident that opened or resolved."""
    if row is None:  # dropped: nobody has heard of it
        return
    told = effect.incident.told_at is not None
    if told and effect.change in {Change.OPENED, Change.PROMOTED}:
        tags = labels(row)
        silence = quiet.matching(tags)
        if silence:
            reason = f"by silence {silence.id} of {silence.author}: {silence.comment}"
            incidents.record(session, row, "silenced", reason, now)
        payload = notification(row, Kind.OPEN, effect.reason).payload()
        dues = site.router.due(tags, now)
        outbox.enqueue_open(session, row, dues, payload, now, silence, known[row.id])
        return
    if told and effect.change is Change.RAISED:
        _raise(session, site, effect, row, quiet, now)
    elif told and effect.change is Change.GREW:
        news = notification(row, Kind.UPDATE, effect.reason).payload()
        outbox.enqueue_news(session, row, Kind.UPDATE, news, now, HEAR_UPDATES)
    elif effect.change is Change.RESOLVED:
        outbox.enqueue_resolve(session, row, notification(row, Kind.RESOLVE, effect.reason).payload(), now)


def _tell_merger(
    session: Session, row: IncidentRow, into: IncidentRow | None, reason: str, now: float
) -> None:
    """Queue the end of an incident that another one speaks for from now on, and name that."""
    by = f"incident {into.id}" if into is not None else "another incident"
    outbox.enqueue_resolve(session, row, notification(row, Kind.RESOLVE, reason, by).payload(), now)


def _raise(session: Session, site: Site, effect: Effect, row: IncidentRow, quiet: Quiet, now: float) -> None:
    """Tell those who know that it became worse, and those whom only the worse one concerns."""
    opening = notification(row, Kind.OPEN, effect.reason).payload()
    outbox.renew(session, row, opening)
    if row.acked_at is not None:
        incidents.record(session, row, "taken up again", f"acknowledged by {row.acked_by} before", now)
        row.acked_at, row.acked_by, row.taken_up_at = None, "", now
        outbox.take_up(session, row, now, anew=True)
    else:  # a silence of the lesser severity may be none of this one
        let_go(session, outbox.silenced(row), now)
    payload = notification(row, Kind.UPDATE, effect.reason).payload()
    outbox.enqueue_news(session, row, Kind.UPDATE, payload, now, HEAR_UPDATES)
    tags = labels(row)
    silence = quiet.matching(tags)
    outbox.enqueue_open(session, row, site.router.due(tags, now), opening, now, silence)


def notification(row: IncidentRow, kind: Kind, reason: str, by: str = "") -> Notification:
    """Return what is told of an incident; frozen from here on."""
    rule = BOOK.rules.get(row.rule)
    return Notification(
        kind=kind.value,
        incident_id=row.id,
        uid=row.uid,
        rule=row.rule,
        title=rule.title if rule else row.rule,
        subject=row.label or row.subject,
        severity=row.severity,
        summary=row.summary,
        evidence=row.evidence,
        reason=reason,
        runbook=rule.runbook if rule else "",
        since=row.since,
        opened_at=row.opened_at if row.opened_at is not None else row.since,
        resolved_at=row.resolved_at,
        by=by,
    )
