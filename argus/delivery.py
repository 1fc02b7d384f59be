"""Send what waits in the outbox: each message once, the end of an incident never before its beginning."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from argus import failpoints
from argus.notify.base import Kind, Notification, NotifyError
from argus.routing.tree import Due
from argus.store import health, outbox, reports
from argus.store.incidents import record
from argus.store.models import IncidentRow

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
            claimed = outbox.claim(session, site.owner, site.send_seconds, now, resting)
        if claimed is None:
            break
        if not _attempt(site, claimed):
            in_trouble.add(claimed.receiver)
    return True


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
    receiver.send(Notification.from_payload(claimed.payload), address)


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
        if outbox.settle_dead(session, claimed, error, now) and claimed.kind == Kind.OPEN.value:
            _fall_back(session, site, claimed, now)
        health.failed(session, claimed.receiver, error, now)
    log.error("gave up %s of incident %s: %s", claimed.kind, claimed.incident_id, error)


def _fall_back(session: Session, site: Site, claimed: Claim, now: float) -> None:
    row = session.get_one(IncidentRow, claimed.incident_id)
    told = {message.receiver for message in reports.messages(session, row.id)}
    targets = [each for each in site.router.fallback_targets(claimed.receiver) if each not in told]
    if not targets or row.phase != "open":
        return
    record(session, row, "fallback", f"{claimed.receiver} cannot be reached: {', '.join(targets)}", now)
    dues = [Due(target, now, 0, site.router.fallback) for target in targets]
    outbox.enqueue_open(session, row, dues, claimed.payload, now)
