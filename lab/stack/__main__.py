"""The commands behind lab/up, lab/down, lab/status, lab/test and lab/screenshot."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from stack.checks import PARTS, run_checks
from stack.components.openstack.members import FURTHER, openstack, openstack_files
from stack.env_file import write_env
from stack.errors import LabError
from stack.lab import Lab
from stack.registry import (
    components,
    proxies,
    second_node,
    unit_node,
    unit_node_files,
    zabbix7,
    zabbix7_files,
)
from stack.runner import SIDE_BY_SIDE, bring_up, take_down
from stack.screenshot import take_screenshots
from stack.status import print_status
from stack.summary import print_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stack.lab import Component
    from stack.runner import Step


OPENSTACK_SIDE_BY_SIDE = 10  # most of a start is waiting for others
# the control plane and the booted node share nothing with the lab
LOCK, OPENSTACK_LOCK, UNIT_NODE_LOCK = "lock", "lock-openstack", "lock-unit-node"


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # a terminated `up` cleans up as an interrupted one
    try:
        return int(arguments.command(arguments))
    except LabError as failure:
        print(f"lab: {failure.report()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="bring the stack up")
    up.add_argument("--libvirt", metavar="URI", help="watch this libvirtd; start no node and no guests")
    up.add_argument("--only", metavar="NAME,...", help="these components, without what stands behind them")
    up.set_defaults(command=run_up)

    down = commands.add_parser("down", help="stop what up started")
    down.add_argument("--purge", action="store_true", help="also remove lab/run with all its data")
    down.set_defaults(command=run_down)

    status = commands.add_parser("status", help="what runs, and how old the newest value is")
    status.add_argument("--format", choices=("table", "json"), default="table")
    status.set_defaults(command=run_status)

    node2 = commands.add_parser("node2", help="a second compute node with its own agent")
    node2.add_argument("action", choices=("up", "down"))
    node2.set_defaults(command=run_node2)

    seven = commands.add_parser("zabbix7", help="Zabbix 7.0 beside the lab's; `install` makes its Debian")
    seven.add_argument("action", choices=("up", "down", "install"))
    seven.set_defaults(command=run_zabbix7)

    booted = commands.add_parser("unit-node", help="a node booted by systemd; `install` makes its Debian")
    booted.add_argument("action", choices=("up", "down", "install"))
    booted.set_defaults(command=run_unit_node)

    beside = commands.add_parser("proxies", help="two Zabbix proxies of the lab's server")
    beside.add_argument("action", choices=("up", "down"))
    beside.set_defaults(command=run_proxies)

    cloud = commands.add_parser("openstack", help="an OpenStack control plane; `install` only fetches it")
    cloud.add_argument("action", choices=("up", "down", "install"))
    cloud.set_defaults(command=run_openstack)

    more = commands.add_parser("further", help="what some tests put beside the control plane")
    more.add_argument("what", choices=sorted(FURTHER))
    more.add_argument("action", choices=("up", "down"))
    more.set_defaults(command=run_further)

    test = commands.add_parser("test", help="run the checks")
    test.add_argument(
        "extent",
        nargs="?",
        choices=("fast", "long"),
        help="fast: only those that need no server; long: also slow faults of OpenStack",
    )
    test.add_argument(
        "--skip", action="append", default=[], choices=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    test.set_defaults(command=lambda given: run_checks(extent=given.extent, skip=given.skip))

    screenshot = commands.add_parser("screenshot", help="pictures of the Zabbix pages")
    screenshot.add_argument("folder", type=Path)
    screenshot.add_argument("--zabbix7", action="store_true", help="of the 7.0 in place of the 6.0")
    screenshot.set_defaults(
        command=lambda given: take_screenshots(Lab.open(), given.folder, seven=given.zabbix7)
    )
    return top


def run_up(arguments: argparse.Namespace) -> int:
    begin = time.monotonic()
    lab = Lab.open()
    with locked(lab):
        lab = _remember_libvirt(lab, arguments.libvirt)
        lab.prepare()
        write_env(lab)
        wanted = components(lab)
        if arguments.only:
            wanted = _chosen(wanted, arguments.only.split(","))
        steps = _all_or_nothing(lab, wanted)
    if not arguments.only:
        print_summary(lab, steps, time.monotonic() - begin)
    return 0


def run_down(arguments: argparse.Namespace) -> int:
    lab = Lab.open()
    with locked(lab), locked(lab, OPENSTACK_LOCK):
        further = tuple(chain.from_iterable(FURTHER.values()))
        aside = (*second_node(), *zabbix7(), *proxies(), *unit_node(), *openstack(), *further)
        take_down(lab, (*components(lab), *aside))
        lab.forget_options()
        if arguments.purge:
            shutil.rmtree(lab.run)
    return 0


def run_status(arguments: argparse.Namespace) -> int:
    return print_status(Lab.open(), arguments.format)


def run_node2(arguments: argparse.Namespace) -> int:
    lab = Lab.open()
    if lab.libvirt:
        raise LabError(f"the lab watches {lab.libvirt}: a second node belongs to a lab with nodes of its own")
    return _on_demand(lab, arguments.action, second_node())


def run_zabbix7(arguments: argparse.Namespace) -> int:
    lab = Lab.open()
    if arguments.action == "install":  # takes no lock of the lab: tests may be at work
        bring_up(lab, zabbix7_files())
        return 0
    return _on_demand(lab, arguments.action, zabbix7())


def run_unit_node(arguments: argparse.Namespace) -> int:
    lab = Lab.open()
    if arguments.action == "install":  # takes no lock of the lab: tests may be at work
        bring_up(lab, unit_node_files())
        return 0
    return _on_demand(lab, arguments.action, unit_node(), lock=UNIT_NODE_LOCK)


def run_proxies(arguments: argparse.Namespace) -> int:
    return _on_demand(Lab.open(), arguments.action, proxies())


def run_openstack(arguments: argparse.Namespace) -> int:
    lab = Lab.open()
    if arguments.action == "install":  # takes no lock of the lab: `up` may be at work
        bring_up(lab, openstack_files())
        return 0
    return _on_demand(lab, arguments.action, openstack(), OPENSTACK_SIDE_BY_SIDE, OPENSTACK_LOCK)


def run_further(arguments: argparse.Namespace) -> int:
    return _on_demand(Lab.open(), arguments.action, FURTHER[arguments.what], lock=OPENSTACK_LOCK)


def _on_demand(
    lab: Lab, action: str, extra: Sequence[Component], side_by_side: int = SIDE_BY_SIDE, lock: str = LOCK
) -> int:
    if action == "down":
        with locked(lab, lock):
            take_down(lab, extra)
        return 0
    with locked(lab):  # ports and secrets are everybody's
        lab.prepare()
    with locked(lab, lock):
        _all_or_nothing(lab, extra, side_by_side)
    return 0


def _all_or_nothing(lab: Lab, wanted: Sequence[Component], side_by_side: int = SIDE_BY_SIDE) -> list[Step]:
    try:
        return bring_up(lab, wanted, side_by_side)
    except BaseException:
        print("lab: stopping what this command had started", flush=True)
        take_down(lab, wanted, only=lab.processes.started)
        raise


def _chosen(known: Sequence[Component], names: Sequence[str]) -> tuple[Component, ...]:
    unknown = set(names) - {component.name for component in known}
    if unknown:
        listed = ", ".join(component.name for component in known)
        raise LabError(f"--only: unknown {', '.join(sorted(unknown))}; there are {listed}")
    return tuple(component for component in known if component.name in names)


def _remember_libvirt(lab: Lab, uri: str | None) -> Lab:
    """The lab that watches `uri`; what a running lab watches cannot be changed under it."""
    if uri is None or uri == lab.libvirt:
        return lab
    if any(lab.processes.pid(name) for name in lab.processes.names()):
        raise LabError(f"the lab runs and watches {lab.libvirt or 'its own node'}: first ./lab/down")
    lab.options_file.write_text(json.dumps({"libvirt": uri}) + "\n")
    return Lab.open()


@contextmanager
def locked(lab: Lab, name: str = LOCK) -> Iterator[None]:
    """One up or down of the same things at a time."""
    with (lab.run / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("lab: another up or down is at work, waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # a thread may still hang in a library that waits for a stopped daemon
