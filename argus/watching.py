"""Looks for what happened since the last cycle, so that a page need not wait for the next one.

What is found is a hint: the cycle that it wakes reads the whole truth.  A hint that is lost costs the seconds
until the next cycle, one that comes twice costs nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from argus.correlator.evaluate import Key
from argus.correlator.gathering import SCOPE, rule_of
from argus.correlator.rulebook import BOOK
from argus.store import reports, snapshots
from argus.zabbix.api import ZabbixError
from argus.zabbix.feeds import read_event_ids

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.correlator.thresholds import Policy
    from argus.site import Site

log = logging.getLogger(__name__)

CURSOR = "zabbix events"  # its row among the snapshots
OVERLAP = 200  # events: several processes write them, so that an older one may be seen after a newer one
SECOND_WORD = 4.0  # seconds after news, for which each look wakes a cycle: what is doubtful clears by then
REST = 4  # seconds for each that the last cycle took beyond its first: long ones cost a fifth of the time


def wakes(site: Site) -> bool:
    """Tell whether a cycle should run now.  Raises ``StoreError``."""
    now = site.clock()
    with site.store.read() as session:
        if not _has_rested(session, now):
            return False  # the cursor stays where it is: nothing is passed over
        if _opens(session, site.policy, now):
            return True
    return site.zabbix is not None and _has_news(site, now)


def _has_rested(session: Session, now: float) -> bool:
    last = next((row for row in reports.progress(session) if row.task == "correlate"), None)
    if last is None or last.last_run > now:  # the clock was set back
        return True
    return now - last.last_run >= last.seconds + REST * max(0.0, last.seconds - 1)


def _opens(session: Session, policy: Policy, now: float) -> bool:
    """Tell whether something has stood for as long as it must to be told."""
    for rule, subject, since in reports.waiting(session):
        key = Key(rule, subject)
        known = BOOK.rules.get(rule_of(key) if rule == SCOPE else rule)
        if known is not None and now - since >= policy.hold(known):
            return True
    return False


def _has_news(site: Site, now: float) -> bool:
    """Move the cursor, and tell whether there was a problem beyond it."""
    assert site.zabbix is not None
    with site.store.read() as session:
        row = snapshots.get(session, CURSOR)
    known = row.payload if row is not None else None
    after = max(0, known["newest"] - OVERLAP) if known else 0
    try:
        with site.zabbix.session() as zabbix:
            ids = read_event_ids(zabbix, after)
    except ZabbixError as exc:  # the cycle finds the same and makes an incident of it
        log.debug("watch: %s", exc)
        return False
    fresh = set(ids) - set(known["seen"]) if known else set()
    if known is None or fresh:
        newest = max((*ids, known["newest"] if known else 0))
        with site.store.write() as session:
            seen = [each for each in ids if each > newest - OVERLAP]
            news_at = now if fresh else None
            snapshots.put(session, CURSOR, {"newest": newest, "seen": seen, "news_at": news_at}, now)
    return bool(fresh) or _is_recent((known or {}).get("news_at"), now)


def _is_recent(news_at: float | None, now: float) -> bool:
    """Tell whether what was new may still be waiting for a second word, such as that its node lives."""
    return news_at is not None and 0 <= now - news_at <= SECOND_WORD
