"""The command ``argus zabbix`` and its verbs; what they do is in ``argus.zabbix.commands``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def register(add: Callable[..., argparse.ArgumentParser], load: Callable[[Any], Any]) -> None:
    """Add the command and its verbs, each with the options that mean something to it."""
    zabbix = add(
        "zabbix",
        "Bring Zabbix to the state that Argus needs, or show what is missing.",
        lambda given: _run(given, load),
    )
    verbs = zabbix.add_subparsers(title="verbs", dest="action", required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--config-file", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    for made in (
        verb("plan", "Show what apply would change; exit code 1 if there is something."),
        verb("apply", "Make, update and link what Argus needs; what others added stays."),
    ):
        made.add_argument(
            "--delete-removed",
            action="store_true",
            help="delete from our templates what left the catalogue, with its history on all hosts",
        )
        made.add_argument("--format", choices=("table", "json"), default="table")
    verb("export", "Print the templates of Argus as they are in Zabbix, as YAML.")
    made = verb("register", "Make hosts of nodes whose agents come by certificate, which cannot register.")
    made.add_argument("node", nargs="+", metavar="NODE", help="its agent's [DEFAULT] host")
    made.add_argument("--tls-issuer", default="", help="who must have signed the certificates")
    made.add_argument("--proxy", default="", help="the proxy that the nodes send to")


def _run(given: argparse.Namespace, load: Callable[[Any], Any]) -> int:
    from argus.zabbix import commands  # noqa: PLC0415  # each command pays only for what it uses

    conf = load(given)
    if given.action == "export":
        return commands.run_export(conf)
    if given.action == "register":
        return commands.run_register(conf, given.node, given.tls_issuer, given.proxy)
    run = commands.run_plan if given.action == "plan" else commands.run_apply
    return run(conf, given.format, delete_removed=given.delete_removed)
