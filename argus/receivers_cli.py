"""The command ``argus receivers``; what it does is in ``argus.receivers``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def register(add: Callable[..., argparse.ArgumentParser], load: Callable[[Any], Any]) -> None:
    """Add the command."""

    def run(arguments: argparse.Namespace) -> int:
        from argus import site  # noqa: PLC0415  # each command pays only for what it uses
        from argus.receivers import receivers  # noqa: PLC0415

        return receivers(site.from_config(load(arguments)), ask=arguments.probe, form=arguments.format)

    parser = add("receivers", "Show who can be reached; exit code 1 if one takes no messages.", run)
    parser.add_argument("--probe", action="store_true", help="ask each of them now; tells nobody anything")
    parser.add_argument("--format", choices=("table", "json"), default="table")
