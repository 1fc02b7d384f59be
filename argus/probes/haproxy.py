"""HAProxy: how many servers each backend has left, from its statistics as CSV (``;csv``).

Columns: https://docs.haproxy.org/2.6/management.html, section 9.1.
"""

from __future__ import annotations

import csv
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, Part, State, of_parts
from argus.probes.secret import password
from argus.probes.wire import SCHEMES, BlindError, Web

if TYPE_CHECKING:
    from argus.probes.wire import Deadline

SUMS = frozenset({"FRONTEND", "BACKEND"})
# "UP 1/3" is on its way down, "DOWN 1/2" on its way up; "no check" tells nothing of the server.
STATES = {
    "UP": State.UP,
    "OPEN": State.UP,
    "NOLB": State.DEGRADED,
    "DOWN": State.DOWN,
    "MAINT": State.DISABLED,
    "DRAIN": State.DISABLED,
}


@dataclass(frozen=True, slots=True)
class Haproxy:
    """``url`` is the statistics page; ``ignore`` names servers (BACKEND/SERVER or SERVER) to leave out."""

    url: str
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the URL.  Raises ``ValueError``."""
        if not self.url.startswith(SCHEMES):
            raise ValueError(f"{self.url!r} is not a URL that begins with http:// or https://")

    def run(self, deadline: Deadline) -> Outcome:
        """Read the statistics."""
        login = (self.username, password(self.password_file)) if self.username else None
        url = self.url if self.url.endswith(";csv") else f"{self.url};csv"
        answer = Web(login, self.ca_file or True).ok(url, deadline)
        parts = [
            part
            for part in parse(answer.text, time.time())
            if part.host not in self.ignore and f"{part.kind}/{part.host}" not in self.ignore
        ]
        return judge(parts, answer.seconds)


def parse(text: str, now: float) -> list[Part]:
    """Return a part for every checked server: ``kind`` is its backend.  Raises ``BlindError``.

    ``lastchg`` tells for how many seconds the server has been in its state; ``now`` is since the epoch.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("# "))))
    except csv.Error as exc:
        raise BlindError(f"that is not HAProxy's CSV: {exc}") from None
    if not rows or not {"pxname", "svname", "status"} <= set(rows[0]):
        raise BlindError("that is not HAProxy's CSV: it has no rows with pxname, svname and status")
    return [_part(row, now) for row in rows if row["svname"] not in SUMS and _state(row)]


def _state(row: dict[str, str | None]) -> State | None:
    word, _, rest = (row["status"] or "").partition(" ")
    if word == "UP" and "/" in rest:
        return State.DEGRADED
    return STATES.get(word)


def _part(row: dict[str, str | None], now: float) -> Part:
    state = _state(row) or State.UNKNOWN
    words = [row.get("check_status"), row.get("last_chk")]
    message = " ".join(word for word in words if word) if state is not State.UP else ""
    changed = row.get("lastchg") or ""
    since = now - float(changed) if changed.isdigit() else None
    return Part(row["pxname"] or "?", row["svname"] or "?", state, message, since)


def judge(parts: list[Part], latency: float) -> Outcome:
    """HAProxy answers; a server that is down is a trouble of its service, and is told as a part."""
    if not parts:
        return Outcome(State.UP, "no server of any backend is checked", latency)
    state, message = of_parts(parts)
    state = State.DEGRADED if state is State.DOWN else state
    return Outcome(state, message, latency, parts=tuple(parts))
