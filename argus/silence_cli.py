"""The commands ``argus silence`` and ``argus snooze``; what they do is in ``argus.silencing``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError
from argus.people import Intermixed, author

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("table", "json")


def register(add: Callable[..., argparse.ArgumentParser], store: Callable[[Any], Any]) -> None:
    """Add the commands; each verb has the options that mean something to it."""
    silence = add(
        "silence", "Hold messages back: add MATCHER..., list, or expire ID.", lambda given: _run(given, store)
    )
    verbs = silence.add_subparsers(
        title="verbs", dest="action", required=True, metavar="VERB", parser_class=Intermixed
    )

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--config-file", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        made.add_argument("--format", choices=FORMATS, default="table")
        return made

    _options_of_add(verb("add", "Hold back what all matchers match, and show what that hides."))
    made = verb("list", "Show silences that hold or will.")
    made.add_argument("--all", action="store_true", help="those that are over too")
    made = verb("expire", "End a silence now: what it held back is told.")
    made.add_argument("id", metavar="ID")
    snooze = add("snooze", "Hold one incident back for a while; what still stands then is told again.", None)
    snooze.set_defaults(command=lambda given: _snooze(given, store))
    snooze.add_argument("incident", type=int, metavar="ID")
    snooze.add_argument("until", metavar="TIME", help="2h, or 2026-11-23T22:00")
    snooze.add_argument("--author", default=author())
    snooze.add_argument("--comment", default="", help="why")
    snooze.add_argument("--format", choices=FORMATS, default="table")


def _options_of_add(made: argparse.ArgumentParser) -> None:
    made.add_argument("words", nargs="*", metavar="MATCHER", help='rule=~"node_.*", project="shop"')
    made.add_argument(
        "--node", action="append", default=[], metavar="NAME", help="all on this node, and the node"
    )
    made.add_argument("--from", dest="starts", default="", metavar="TIME", help="begin later")
    made.add_argument(
        "--until", metavar="TIME", help="2h (the default), 2026-11-23T22:00 or resolved; weekly: for ever"
    )
    made.add_argument(
        "--weekly",
        action="append",
        default=[],
        metavar="WHEN",
        help="only in this window of each week: 'saturday,sunday 22:00-02:00'",
    )
    made.add_argument("--zone", default="UTC", help="time zone of --weekly: Europe/Berlin; UTC")
    made.add_argument("--author", default=author())
    made.add_argument("--comment", default="", help="why; required without --dry-run")
    made.add_argument("--dry-run", action="store_true", help="only show what it would hide")


def _run(given: argparse.Namespace, store: Callable[[Any], Any]) -> int:
    from argus import silencing  # noqa: PLC0415  # each command pays only for what it uses

    if given.action == "list":
        return silencing.show(store(given), everything=given.all, form=given.format)
    if given.action == "expire":
        if not given.id.isdigit():
            raise ArgusError(
                "argus silence expire wants the ID of one silence; argus silence list shows them"
            )
        return silencing.expire(store(given), int(given.id), form=given.format)
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


def _snooze(given: argparse.Namespace, store: Callable[[Any], Any]) -> int:
    from argus import silencing  # noqa: PLC0415

    return silencing.snooze(
        store(given), given.incident, given.until, given.author, given.comment, form=given.format
    )
