"""The auditor's job: count what delivery owes, and tell a dead-man's switch only when all of it works."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from argus.errors import ArgusError
from argus.notify.base import NotifyError
from argus.notify.http import ping
from argus.store import audit, reports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    from argus.site import Site

log = logging.getLogger(__name__)

TIMEOUT = (5.0, 10.0)  # seconds to connect, and for all of it
INTERVALS, GRACE = 3, 60.0  # a job that succeeded within so many of its intervals and seconds works


def run(site: Site) -> bool:
    """Audit once.  Raises ``ArgusError`` when the dead-man's switch cannot be reached."""
    anybody = any(site.router.targets.values())
    with site.store.read() as session:  # looking keeps no writer waiting
        now = site.clock()
        found = audit.violations(session, now, anybody=anybody)
        owed = audit.debts(session, found)
        idle = list(_idle(session, site, now))
    with site.store.write() as session:
        audit.note(session, found, site.clock())
    for name, ids in found.items():
        if ids:
            log.error("delivery: %s is violated %s times: argus audit names the incidents", name, len(ids))
    if site.dead_man_url:
        why = [*(f"{name}: incidents {ids[:5]}" for name, ids in owed.items() if ids), *idle]
        if why:
            log.error("the dead-man's switch is not told that all is well: %s", "; ".join(why))
        else:
            _ping(site.dead_man_url)
    return True


def _idle(session: Session, site: Site, now: float) -> Iterator[str]:
    """Yield which of the jobs that page has not succeeded lately."""
    progress = {row.task: row.last_success for row in reports.progress(session)}
    for job, every in site.intervals.items():
        last = progress.get(job)
        if last is None:
            yield f"{job} has never succeeded"
        elif now - last > INTERVALS * every + GRACE:
            yield f"{job} has not succeeded for {now - last:.0f} s"


def _ping(url: str) -> None:
    """Tell the switch that all is well; it pages by itself when this stops."""
    try:
        ping(url, "[correlator] dead_man_url", TIMEOUT)
    except NotifyError as exc:
        raise ArgusError(str(exc)) from None
