"""Send what waits in the outbox: each message once, the end of an incident never before its beginning."""

from __future__ import annotations

import logging
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from argus import failpoints
from argus.notify import HEAR_DIGESTS
from argus.notify.base import Kind, Notification, NotifyError
from argus.routing.titles import VARIABLES, fill
from argus.routing.tree import Due
from argus.store import digests, health, outbox, reports
from argus.store.incidents import record
from argus.store.models import IncidentRow
from argus.store.outbox import State

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.site import Site
    from argus.store.outbox import Claim

log = logging.getLogger(__name__)

BATCH = 50  # messages in one run; the next run is seconds away


def deliver(site: Site) -> bool:
    """Send messages that are due, one after the other, each under a lease of its own.

    Any number of processes may do so at a time.  Raises ``StoreError``; what was sent by then is settled, but
    for the one message whose acceptance could not be noted: it is sent again, byte by byte the same.
    """
    with site.store.write() as session:
        outbox.drop_orphans(session, site.clock())
    in_trouble: set[str] = set()  # with its server down, each message would wait for its own timeout
    for _ in range(BATCH):
        with site.store.write() as session:
            now = site.clock()
            resting = in_trouble.union(health.resting(session, now))
            spent = _spent(session, site, now)
            claimed = outbox.claim(session, site.owner, site.send_seconds, now, resting, spent)
        if claimed is None:
            break
        if not _attempt(site, claimed):
            in_trouble.add(claimed.receiver)
    with site.store.write() as session:
        now = site.clock()
        for each in outbox.stuck(session, health.failing(session), health.resting(session, now), now):
            _fall_back(session, site, each.incident_id, each.receiver, each.payload, now)
    return True


def _spent(session: Session, site: Site, now: float) -> list[str]:
    """Return the targets that have had what their limit lets out; what is due for them becomes a digest."""
    found = []
    for target in site.router.options:
        limit = site.router.limit(target)
        if limit and digests.spent(session, target, *limit, now):
            found.append(target)
            if target.partition(":")[0] in HEAR_DIGESTS:
                digests.fold(session, target, now)
    return found


def _attempt(site: Site, claimed: Claim) -> bool:
    """Send one message and note what became of it; false when it is to be tried again."""
    if claimed.attempts > site.attempts:  # the senders before us died without a word
        _give_up(site, claimed, "no attempt came to an end")
        return True
    try:
        failpoints.reach("after_claim")
        _send(site, claimed)
        failpoints.reach("after_send")
    except NotifyError as exc:
        if exc.permanent or claimed.attempts >= site.attempts:
            _give_up(site, claimed, str(exc))
            return True
        _again(site, claimed, str(exc), maybe=exc.maybe_sent, wait=exc.retry_after)
        return False
    except Exception as exc:  # a receiver's own mistake must not stop the messages behind it
        log.exception("the receiver %s failed", claimed.receiver)
        _again(site, claimed, f"{type(exc).__name__}: {exc}", maybe=True)
        return False
    with site.store.write() as session:
        mine = outbox.settle_sent(session, claimed, site.clock())
        if mine and claimed.kind == Kind.DIGEST.value:
            digests.settle(session, claimed.id, State.SENT, site.clock())
        health.accepted(session, claimed.receiver, site.clock())
    failpoints.reach("after_settle")
    if mine:
        log.info("sent %s of incident %s to %s", claimed.kind, claimed.incident_id, claimed.receiver)
    else:
        log.error("sending to %s took longer than its lease: it may go out twice", claimed.receiver)
    return True


def _send(site: Site, claimed: Claim) -> None:
    kind, _, address = claimed.receiver.partition(":")
    receiver = site.receivers.get(claimed.receiver) or site.receivers.get(kind)
    if receiver is None:
        raise NotifyError(f"{claimed.receiver} is no longer set up")
    note = Notification.from_payload(claimed.payload)
    title = site.router.options.get(claimed.receiver, {}).get("title", "")
    if title:
        note = replace(note, headline=fill(title, {name: getattr(note, name) for name in VARIABLES}))
    receiver.send(note, address)


def _again(site: Site, claimed: Claim, error: str, *, maybe: bool, wait: float | None = None) -> None:
    if wait is None:
        wait = site.waits[min(claimed.attempts, len(site.waits)) - 1]
        wait *= random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, hides nothing
    with site.store.write() as session:
        outbox.settle_retry(session, claimed, error, maybe=maybe, wait=wait, now=site.clock())
        health.failed(session, claimed.receiver, error, site.clock())
    log.warning("%s of incident %s: %s; again in %.0f s", claimed.kind, claimed.incident_id, error, wait)


def _give_up(site: Site, claimed: Claim, error: str) -> None:
    """Give up on a receiver; the fallback receiver is told in its place."""
    now = site.clock()
    with site.store.write() as session:
        if outbox.settle_dead(session, claimed, error, now):
            untold = [(claimed.incident_id, claimed.kind, claimed.payload)]
            if claimed.kind == Kind.DIGEST.value:
                carried = digests.settle(session, claimed.id, State.DEAD, now)
                untold = [(each.incident_id, each.kind, each.payload) for each in carried]
            for number, kind, payload in untold:
                if kind == Kind.OPEN.value:
                    _fall_back(session, site, number, claimed.receiver, payload, now)
        health.failed(session, claimed.receiver, error, now)
    log.error("gave up %s of incident %s: %s", claimed.kind, claimed.incident_id, error)


def _fall_back(
    session: Session, site: Site, number: int, receiver: str, payload: dict[str, Any], now: float
) -> None:
    """Tell the fallback receiver in the place of one that takes nothing; once an incident."""
    targets = site.router.fallback_targets(receiver)
    if not targets:
        return
    told = {message.receiver for message in reports.messages(session, number)}
    untold = [each for each in targets if each not in told]
    row = session.get_one(IncidentRow, number)
    if not untold or row.phase != "open":
        return
    record(session, row, "fallback", f"{receiver} cannot be reached: {', '.join(untold)}", now)
    dues = [Due(target, now, 0, site.router.fallback) for target in untold]
    outbox.enqueue_open(session, row, dues, payload, now)
    session.flush()
