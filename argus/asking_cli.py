"""The commands that ask about what was: ``argus explain``, ``argus placements`` and ``argus replay``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

FORMATS = ("table", "json")


def register(
    add: Callable[..., argparse.ArgumentParser],
    load: Callable[[Any], Any],
    store: Callable[[Any], Any],
) -> None:
    """Add them."""

    def explain(given: argparse.Namespace) -> int:
        from argus import explaining  # noqa: PLC0415  # each command pays only for what it uses

        terms = explaining.Terms.of(load(given))
        return explaining.explain(store(given), given.what, terms, form=given.format)

    def replay(given: argparse.Namespace) -> int:
        from pathlib import Path  # noqa: PLC0415

        from argus import notify, replaying, site  # noqa: PLC0415
        from argus.routing.read import read  # noqa: PLC0415

        after = read(Path(given.config), notify.options())
        before = site.routes(load(given))
        return replaying.replay(store(given), before, after, given.since, given.until, form=given.format)

    def placements(given: argparse.Namespace) -> int:
        from argus.placements import show  # noqa: PLC0415

        return show(store(given), given.what, given.at, form=given.format)

    parser = add(
        "explain", "Tell why an incident is as it is, who was told, and who was not and why.", explain
    )
    parser.add_argument("what", metavar="ID|SUBJECT", help="an incident, or a node, guest or service: cmp1")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser = add("placements", "Show where a guest ran, or which guests a node had.", placements)
    parser.add_argument("what", metavar="GUEST|NODE", help="UUID or name of a guest, or a node: cmp1")
    parser.add_argument(
        "--at", default="", metavar="TIME", help="as it was then: 2h (ago), or 2026-11-23T22:00"
    )
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser = add("replay", "Show whom another routes.yaml would have told; exit code 1 for others.", replay)
    parser.add_argument("--config", required=True, metavar="FILE", help="the routes.yaml to try")
    parser.add_argument(
        "--from", dest="since", default="7d", metavar="TIME", help="7d ago (default), or 2026-11-16T00:00"
    )
    parser.add_argument("--to", dest="until", default="", metavar="TIME", help="default: now")
    parser.add_argument("--format", choices=FORMATS, default="table")
