"""``argus placements``: on which nodes a guest ran, and which guests a node had, now or at another time."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from argus.errors import ArgusError
from argus.listing import clock, console, duration, iso
from argus.replaying import past
from argus.store import guests, topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argus.correlator.facts import Placement
    from argus.store.engine import Store


def show(store: Store, what: str, at: str, *, form: str) -> int:
    """Print the stays of a guest (UUID or name), or those on a node at ``at`` (a time; empty: now).

    Raises ``ArgusError`` when nobody of that name is known, or nothing of that time.
    """
    now = time.time()
    moment = past(at, now) if at else now
    with store.read() as session:
        mine = topology.stays_of(session, {what, *guests.called(session, what)})
        there = () if mine else topology.stays_on(session, {what})
    if not mine and not there:
        raise ArgusError(
            f"no guest and no node {what!r} is known to argus: names are those of hosts in Zabbix; what "
            "ended longer ago than [database] keep_days is forgotten"
        )
    first = min(stay.since for stay in mine or there)
    if at and moment < first:
        raise ArgusError(
            f"nothing is recorded of {what!r} at {clock(moment)}: what is known begins at {clock(first)}"
        )
    found = mine if mine and not at else [stay for stay in mine or there if stay.at(moment)]
    if form == "json":
        print(json.dumps([_as_dict(stay) for stay in found], indent=2))
    elif found:
        console().print(_table(found, now))
    else:
        when = clock(moment) if at else "now"
        print(f"{what} ran nowhere: {when}" if mine else f"no guest ran on {what}: {when}")
    return 0


def _table(stays: Sequence[Placement], now: float) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("GUEST", "UUID", "PROJECT", "NODE", "SINCE", "UNTIL", "LASTED"):
        table.add_column(heading, no_wrap=True)
    for stay in stays:
        until = "now" if stay.until is None else clock(stay.until)
        lasted = duration((now if stay.until is None else stay.until) - stay.since)
        known = (Text(stay.name), stay.guest, Text(stay.project), stay.node)
        table.add_row(*known, clock(stay.since), until, lasted)
    return table


def _as_dict(stay: Placement) -> dict[str, str | None]:
    return {
        "guest": stay.guest,
        "name": stay.name,
        "project": stay.project,
        "node": stay.node,
        "since": iso(stay.since),
        "until": iso(stay.until),
    }
