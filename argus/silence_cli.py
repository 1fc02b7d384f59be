"""The command ``argus silence``; what it does is in ``argus.silencing``."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def register(add: Callable[..., argparse.ArgumentParser], store: Callable[[Any], Any]) -> None:
    """Add the command."""
    silence = add(
        "silence", "Hold messages back: add MATCHER..., list, or expire ID.", lambda given: _run(given, store)
    )
    silence.add_argument("action", choices=["add", "list", "expire"])
    silence.add_argument("words", nargs="*", metavar="MATCHER|ID", help='rule=~"node_.*", project="shop"')
    silence.add_argument(
        "--node", action="append", default=[], metavar="NAME", help="all on this node, and the node"
    )
    silence.add_argument("--from", dest="starts", default="", metavar="TIME", help="begin later")
    silence.add_argument(
        "--until", metavar="TIME", help="2h (the default), 2026-11-23T22:00 or resolved; weekly: for ever"
    )
    silence.add_argument(
        "--weekly",
        action="append",
        default=[],
        metavar="WHEN",
        help="only in this window of each week: 'saturday,sunday 22:00-02:00'",
    )
    silence.add_argument("--zone", default="UTC", help="time zone of --weekly: Europe/Berlin; UTC")
    silence.add_argument("--author", default=getpass.getuser())
    silence.add_argument("--comment", default="", help="why; add wants one")
    silence.add_argument("--dry-run", action="store_true", help="only show what it would hide")
    silence.add_argument("--all", action="store_true", help="list: those that are over too")
    silence.add_argument("--format", choices=("table", "json"), default="table")


def _run(given: argparse.Namespace, store: Callable[[Any], Any]) -> int:
    from argus import silencing  # noqa: PLC0415  # each command pays only for what it uses

    if given.action == "list":
        return silencing.show(store(given), everything=given.all, form=given.format)
    if given.action == "expire":
        if len(given.words) != 1 or not given.words[0].isdigit():
            raise ArgusError(
                "argus silence expire wants the ID of one silence; argus silence list shows them"
            )
        return silencing.expire(store(given), int(given.words[0]), form=given.format)
    if not given.comment and not given.dry_run:
        raise ArgusError("argus silence add wants --comment: the next person will ask why")
    wanted = silencing.Wanted.of(
        given.words,
        given.node,
        starts=given.starts,
        until=given.until or ("" if given.weekly else "2h"),
        windows=tuple(given.weekly),
        zone=given.zone,
        author=given.author,
        comment=given.comment,
    )
    return silencing.add(store(given), wanted, dry_run=given.dry_run, form=given.format)
