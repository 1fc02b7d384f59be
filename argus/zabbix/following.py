"""Acknowledgements and ranks of problems, read and written (``problem.get``, ``event.acknowledge``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.correlator.following import Problem, Word
from argus.zabbix.api import PAGE
from argus.zabbix.desired import RANKS_SINCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from argus.correlator.following import Plan
    from argus.zabbix.api import Zabbix

# Bits of event.acknowledge's action: https://www.zabbix.com/documentation/current/en/manual/api/reference/event/acknowledge
ACKNOWLEDGE, MESSAGE, UNACKNOWLEDGE, CAUSE, SYMPTOM = 2, 4, 16, 128, 256


def read(zabbix: Zabbix, events: Sequence[str]) -> tuple[Problem, ...]:
    """Return those of the events that are open problems still."""
    ranked = ("cause_eventid",) if zabbix.version >= RANKS_SINCE else ()
    found: list[Problem] = []
    for start in range(0, len(events), PAGE):
        rows = zabbix.read(
            "problem.get",
            output=["eventid", "acknowledged", *ranked],
            eventids=list(events[start : start + PAGE]),
            selectAcknowledges=["userid", "clock", "message", "action"],
        )
        found.extend(_problem(row) for row in rows)
    return tuple(found)


def write(zabbix: Zabbix, wanted: Plan) -> int:
    """Write what is wanted; returns how many events were changed.  Raises ``ZabbixError``."""
    changed = 0
    for action, texts in ((ACKNOWLEDGE, wanted.acks), (UNACKNOWLEDGE, wanted.unacks)):
        for text, events in texts.items():
            for page in _pages(events):
                zabbix.call("event.acknowledge", eventids=page, action=action | MESSAGE, message=text)
                changed += len(page)
    if zabbix.version >= RANKS_SINCE:
        for rank, events in sorted(wanted.ranks.items()):  # what becomes a cause may get symptoms then
            how = {"action": CAUSE | MESSAGE, "message": rank.text}
            if rank.cause:
                how |= {"action": SYMPTOM | MESSAGE, "cause_eventid": rank.cause}
            for page in _pages(events):
                zabbix.call("event.acknowledge", eventids=page, **how)
                changed += len(page)
    return changed


def _problem(row: Mapping[str, Any]) -> Problem:
    words = tuple(
        Word(
            float(word["clock"]),
            f"user {word['userid']} in Zabbix",
            word["message"],
            acknowledges=bool(int(word["action"]) & ACKNOWLEDGE),
            ranks=bool(int(word["action"]) & (CAUSE | SYMPTOM)),
        )
        for word in row["acknowledges"]
    )
    cause = str(row.get("cause_eventid", "0"))
    return Problem(row["eventid"], row["acknowledged"] == "1", "" if cause == "0" else cause, words)


def _pages(events: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(events), PAGE):
        yield list(events[start : start + PAGE])
