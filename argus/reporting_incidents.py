"""The open incidents as one text, which a widget of Zabbix shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from argus.store import reports

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.store.models import IncidentRow

MOST = 20  # incidents in the text; what is on fire is among the newest
LONGEST = 200  # characters of a line
NONE = "No incident is open."


def listed(session: Session) -> str:
    """Return a line for each of the newest open incidents, and one for what is not shown.

    Symptoms are not listed but counted.  No ages: a text that is the same as before is not stored again.
    """
    lines = [_line(row) for row in reports.causes(session, MOST)]
    symptoms, _ = reports.suppressed(session)
    further = sum(reports.counts(session, ("open",)).values()) - symptoms - len(lines)
    if further > 0:
        lines.append(f"{further} more: argus incidents")
    if symptoms:
        lines.append(f"{symptoms} more that follow from these")
    return "\n".join(lines) or NONE


def _line(row: IncidentRow) -> str:
    at = datetime.fromtimestamp(row.opened_at if row.opened_at is not None else row.since, UTC).astimezone()
    acked = f", acknowledged by {row.acked_by or 'somebody'}" if row.acked_at is not None else ""
    held = f" [{row.held}]" if row.held else ""
    name = row.label or row.subject
    named = row.summary if name in row.summary else f"{name}: {row.summary}"  # most say it themselves
    about = " ".join(f"{named}{held}".split())
    end = f" (#{row.id}{acked})"
    line = f"{at:%Y-%m-%d %H:%M} {row.severity:7} {about}"
    return (line if len(line) + len(end) <= LONGEST else f"{line[: LONGEST - len(end) - 4]} ...") + end
