"""``argus capacity`` and ``argus whatif``: their arguments."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

FORMATS = ("table", "json", "csv")


def register(add: Callable[..., argparse.ArgumentParser], load: Callable[[argparse.Namespace], Any]) -> None:
    """Add both commands; ``load`` reads the configuration."""
    capacity = add("capacity", "What is left, how many more of a flavor fit, and when it is full.", _capacity)
    capacity.set_defaults(load=load)
    capacity.add_argument("--flavor", default="", metavar="NAME", help="how many more of it fit, and where")
    capacity.add_argument("--by", default="", choices=["az", "aggregate", "rack", "host"])
    capacity.add_argument("--cloud", default="", help="one of [openstack] clouds; default: all")
    capacity.add_argument(
        "--failover", action="store_true", help="which losses leave guests without a host; --by says of what"
    )
    capacity.add_argument(
        "--lost",
        type=int,
        default=None,
        choices=[1, 2, 3],
        metavar="K",
        help="of --failover: K hosts at once (N+K)",
    )
    capacity.add_argument(
        "--drift", action="store_true", help="where Nova, Placement and libvirt disagree, at this moment"
    )
    capacity.add_argument("--forecast", action="store_true", help="when each scope is full, from history")
    capacity.add_argument("--plot", default="", metavar="FILE.png", help="draw the forecast of one figure")
    capacity.add_argument("--scope", default="", help="of a forecast: all, az:NAME or aggregate:NAME")
    capacity.add_argument(
        "--class",
        default="",
        dest="kind",
        metavar="CLASS",
        help="of --plot and --forecast: MEMORY_MB, VCPU, ...",
    )
    capacity.add_argument("--format", choices=FORMATS, default="table")
    whatif = add("whatif", "What if hosts are lost, drained or added, or guests booted.", _whatif)
    whatif.set_defaults(load=load)
    whatif.add_argument("action", choices=["lose", "drain", "add", "boot"])
    whatif.add_argument(
        "words",
        nargs="+",
        metavar="HOST | N HOST-TYPE | N FLAVOR",
        help="lose cmp1; lose az:az1; drain cmp1 cmp2; add 3 cmp1; boot 20 m1.large",
    )
    whatif.add_argument("--cloud", default="", help="one of [openstack] clouds")
    whatif.add_argument("--format", choices=FORMATS, default="table")


def _conf(arguments: argparse.Namespace) -> Any:
    conf = arguments.load(arguments)
    logging.getLogger("keystoneauth").setLevel(logging.WARNING)
    return conf


# What each question may be asked with; anything else would be passed over, and the answer be to another one.
_QUESTIONS = {
    "plot": {"plot", "forecast", "scope", "kind"},
    "forecast": {"forecast", "scope", "kind"},
    "drift": {"drift"},
    "failover": {"failover", "lost", "by"},
    "lost": {"failover", "lost", "by"},
    "": {"flavor", "by"},
}
_OPTIONS = ("plot", "forecast", "drift", "failover", "lost", "flavor", "by", "scope", "kind")


def _refuse_two_questions(arguments: argparse.Namespace) -> None:
    """Raise ``ArgusError`` for options of which one would have no effect."""
    given = [name for name in _OPTIONS if getattr(arguments, name)]
    question = next((name for name in _QUESTIONS if name in given), "")
    lost = [name for name in given if name not in _QUESTIONS[question]]
    if lost:
        words = {"kind": "class"}
        asked = f"--{words.get(question, question)}" if question else "argus capacity alone"
        rest = " and ".join(f"--{words.get(name, name)}" for name in lost)
        raise ArgusError(f"{rest} would have no effect with {asked}: ask one question at a time")


def _capacity(arguments: argparse.Namespace) -> int:
    from argus import capacity_commands, capacity_failover, capacity_forecast  # noqa: PLC0415  # each command pays for its own

    _refuse_two_questions(arguments)
    conf, form = _conf(arguments), arguments.format
    if arguments.plot or arguments.forecast:
        return capacity_forecast.show(
            conf,
            cloud=arguments.cloud,
            scope=arguments.scope,
            kind=arguments.kind,
            file=arguments.plot,
            form=form,
        )
    if arguments.failover or arguments.lost:
        by, lost = arguments.by or "host", arguments.lost or 1
        return capacity_failover.losses(conf, by=by, lost=lost, cloud=arguments.cloud, form=form)
    if arguments.drift:
        return capacity_failover.drift(conf, cloud=arguments.cloud, form=form)
    return capacity_commands.capacity(
        conf, flavor=arguments.flavor, by=arguments.by, cloud=arguments.cloud, form=form
    )


def _whatif(arguments: argparse.Namespace) -> int:
    from argus import capacity_commands  # noqa: PLC0415

    words = [arguments.action, *arguments.words]
    if not all(words):
        raise ArgusError("argus whatif wants words that are not empty")
    return capacity_commands.whatif(_conf(arguments), words, cloud=arguments.cloud, form=arguments.format)
