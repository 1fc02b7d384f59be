"""``repeat_interval`` and ``argus snooze``: who was told is told again while nobody looks after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.cycle import labels, notification
from argus.gate import Gate
from argus.notify.base import Kind
from argus.store import outbox, reports, silences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.site import Site
    from argus.store.models import IncidentRow, SilenceRow

MOST = 500  # reminders in one run; the next one is seconds away


def remind(site: Site) -> bool:
    """Queue the reminders that are due."""
    now = site.clock()
    with site.store.write() as session:
        snoozed = silences.snoozes(session, now)
        rows = reports.unattended(session) if site.router.repeats or snoozed else ()
        newest = outbox.newest(session, [row.id for row in rows])
        gate = Gate(session, site.router, now)
        queued = 0
        for row in rows:
            for target in _due(site, row, newest[row.id], snoozed.get(row.id), now):
                if queued < MOST and gate.hold(row, target, Kind.REMIND.value) is None:
                    hours = (now - (row.told_at or now)) / 3600
                    lasts = f"still so after {hours:.1f} h, and nobody acknowledged it"
                    payload = notification(row, Kind.REMIND, lasts).payload()
                    outbox.enqueue_reminder(session, row, target, payload, now)
                    queued += 1
    return True


def _due(
    site: Site, row: IncidentRow, heard: Mapping[str, float], snooze: SilenceRow | None, now: float
) -> Iterator[str]:
    """Yield the targets that are to be told again; ``heard`` is when each was told last."""
    over = silences.ended_at(snooze, now) if snooze is not None else None
    repeats = {due.target: due.repeat for due in site.router.due(labels(row), now)} if heard else {}
    for target, at in sorted(heard.items()):
        repeat = repeats.get(target, 0.0)
        if (repeat and now - at >= repeat) or (over is not None and at < over):
            yield target
