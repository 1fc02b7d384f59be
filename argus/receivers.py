"""Receivers as a source of facts, and ``argus receivers``: who can be reached, and who cannot."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from argus import probing
from argus.correlator.facts import Facts
from argus.correlator.rules.receivers import Receivers
from argus.listing import clock, console
from argus.store import health

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.routing.tree import Router
    from argus.site import Site
    from argus.store.engine import Store
    from argus.store.models import ReceiverRow


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the receivers that are set up; see ``Source``."""

    store: Store
    router: Router

    def read(self, alive: Callable[[], None]) -> Facts:
        """Return how each is; one that was never asked nor told anything is not there."""
        alive()
        with self.store.read() as session:
            rows, bad = health.all_of(session), health.failing(session)
        mine = {target for targets in self.router.targets.values() for target in targets}
        if any(target.startswith("email:") for target in mine):
            mine.add("email")
        known = [row for row in rows if row.target in mine or row.target.startswith("server:")]
        since = {row.target: row.bad_since for row in known if row.bad_since is not None}
        errors = {row.target: bad.get(row.target, "") for row in known}
        return Facts(sources=(), others=(Receivers(errors, since, bool(self.router.fallback)),))


def receivers(site: Site, *, ask: bool, form: str) -> int:
    """Print all receivers that are set up."""
    if ask:
        probing.probe(site)
    with site.store.read() as session:
        rows = {row.target: row for row in health.all_of(session)}
        bad = health.failing(session)
    names = dict.fromkeys(
        [*site.receivers, *(target for targets in site.router.targets.values() for target in targets)]
    )
    told = [_as_dict(name, rows.get(name), bad.get(name), site.router) for name in names]
    if form == "json":
        print(json.dumps(told, indent=2))
    elif not told:
        print("no receivers: set [smtp] recipients, or [correlator] routes_file")
    else:
        _print(told)
    return 1 if any(each["state"] == "failing" for each in told) else 0


def _as_dict(name: str, row: ReceiverRow | None, error: str | None, router: Router) -> dict[str, Any]:
    limit = router.limit(name)
    return {
        "target": name,
        "state": "failing" if error is not None else ("well" if row else "not asked yet"),
        "error": error or "",
        "failing_since": row.bad_since if row else None,
        "probed_at": row.probed_at if row else None,
        "accepted_at": row.accepted_at if row else None,
        "sent": row.sent if row else 0,
        "failed": row.failed if row else 0,
        "limit": {"messages": limit[0], "seconds": limit[1]} if limit else None,
    }


def _print(told: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("RECEIVER", "STATE", "LAST TAKEN", "SENT", "FAILED"):
        table.add_column(heading, no_wrap=heading != "RECEIVER", overflow="fold")
    for each in told:
        last = clock(each["accepted_at"]) if each["accepted_at"] else "never"
        state = Text(each["state"], "bold red" if each["state"] == "failing" else "")
        table.add_row(Text(each["target"]), state, last, str(each["sent"]), str(each["failed"]))
    screen = console()
    screen.print(table)
    for each in told:
        if each["error"]:
            since = f" since {clock(each['failing_since'])}" if each["failing_since"] else ""
            screen.print(Text(f"{each['target']} fails{since}: {each['error']}"))
