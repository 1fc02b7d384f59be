"""``argus services``: how every service is, since when, how fast it answers, and what is wrong."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from argus.correlator.service import State
from argus.listing import duration
from argus.screen import Screen, screen
from argus.services_round import newest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from argus.store.engine import Store

COLOURS = {
    State.UP: "green",
    State.DEGRADED: "yellow",
    State.DOWN: "bold red",
    State.DENIED: "magenta",
    State.UNKNOWN: "magenta",
    State.DISABLED: "dim",
}
# The columns, and from which width on each is there.
COLUMNS = {"REGION": 130, "SERVICE": 0, "STATE": 0, "SINCE": 0, "LATENCY": 0, "VERSION": 100, "WHAT": 0}
LONGEST_VERSION = 12
WATCH_SECONDS = 2.0
OLD_SECONDS = 180.0  # a round of that age is said to be old


def show(store: Store, *, watch: bool, everything: bool, form: str) -> int:
    """Print the newest round; exit code 1 when a service is down."""
    found = newest(store)
    if form == "json":
        print(json.dumps(as_dict(found), indent=2))
    elif watch:
        _watch(store, everything=everything)
    else:
        console = screen()
        console.print(page(found, time.time(), console.width, everything=everything))
    return 1 if any(each["state"] == State.DOWN for each in found["services"]) else 0


def _watch(store: Store, *, everything: bool) -> None:
    """Show it until Ctrl-C, which is KeyboardInterrupt for the caller."""
    console = Screen()
    with _interrupted() as interrupted, Live(console=console, auto_refresh=False, screen=False) as live:
        while not interrupted.is_set():
            made = page(newest(store), time.time(), console.width, everything=everything)
            live.update(made, refresh=True)
            interrupted.wait(WATCH_SECONDS)
    raise KeyboardInterrupt


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; Python loses a KeyboardInterrupt that comes while an object is collected.

    A second Ctrl-C interrupts at once, as for who waits for a database that hangs.
    """
    event = threading.Event()

    def seen(*_: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    usual = signal.signal(signal.SIGINT, seen)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, usual)


def page(found: Mapping[str, Any], now: float, width: int, *, everything: bool) -> Group:
    """Make what is shown on ``width`` columns; without ``everything``, parts only where they are not up.

    What is wrong needs the room: a narrow page has the region above its services, and no versions.
    """
    headings = [name for name, least in COLUMNS.items() if width >= least]
    services = found["services"]
    groups = [("", services)] if "REGION" in headings else groupby(services, _place)
    made: list[RenderableType] = []
    for place, entries in groups:
        made += [Text(place, "bold")] if place else []
        made.append(_table(headings, entries, now, everything=everything))
    return Group(*made, Text(footer(found, now)))


def _place(entry: Mapping[str, Any]) -> str:
    return f"{entry['cloud']}/{entry['region']}".strip("/")


def _table(
    headings: list[str], entries: Iterable[Mapping[str, Any]], now: float, *, everything: bool
) -> Table:
    made = Table(box=None, pad_edge=False)
    for heading in headings:
        made.add_column(heading, no_wrap=heading != "WHAT", overflow="fold")
    for each in entries:
        row = {
            "REGION": _place(each),
            "SERVICE": each["name"],
            "LATENCY": "" if each["latency"] is None else f"{each['latency'] * 1000:.0f} ms",
            "VERSION": each["version"].partition("-")[0][:LONGEST_VERSION],
            **_state(each, each["message"], now),
        }
        made.add_row(*(row[heading] for heading in headings))
        for part in _parts(each, everything=everything):
            name = f"{part['kind']}@{part['host']}" if part["host"] else part["kind"]
            said = f"{name}: {part['message']}" if part["message"] else name
            row = _state(part, said, now)
            made.add_row(*(row.get(heading, "") for heading in headings))
    return made


def _state(entry: Mapping[str, Any], said: str, now: float) -> dict[str, str | Text]:
    state = State(entry["state"])
    return {
        "STATE": Text(state.value, COLOURS[state]),
        "SINCE": duration(now - entry["since"]),
        "WHAT": Text(said),
    }


def footer(found: Mapping[str, Any], now: float) -> str:
    """Say how old the round is: what is shown may not be true any more."""
    age = now - found["at"]
    old = (
        "; it is old: does the correlator run (argus run, or the Celery worker and beat)?"
        if age > OLD_SECONDS
        else ""
    )
    return f"probed {duration(age)} ago, in {found['seconds']:.1f} s{old}"


def _parts(entry: Mapping[str, Any], *, everything: bool) -> Iterator[dict[str, Any]]:
    names = ("kind", "host", "state", "message", "since", "zone")
    for part in entry["parts"]:
        if everything or part[2] not in {State.UP, State.DISABLED} or (part[2] == State.DISABLED and part[3]):
            yield dict(zip(names, part, strict=True))


def as_dict(found: Mapping[str, Any]) -> dict[str, Any]:
    """Make the document of ``--format json``: times in ISO 8601, durations in seconds."""
    kept = (
        "cloud",
        "region",
        "name",
        "kind",
        "state",
        "message",
        "latency",
        "version",
        "figures",
        "spent",
        "burn",
    )
    services = [
        {
            **{name: each[name] for name in kept},
            "since": _iso(each["since"]),
            "parts": [{**part, "since": _iso(part["since"])} for part in _parts(each, everything=True)],
        }
        for each in found["services"]
    ]
    return {"at": _iso(found["at"]), "seconds": found["seconds"], "services": services}


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
