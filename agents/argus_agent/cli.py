"""The command argus-agent: the daemon, and looks at one cycle."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from argus import __version__
from argus.errors import ConfigError
from argus.terminal import crashed, guarded, log_to_stderr, one_line
from argus.zabbix_encryption import UNENCRYPTED
from argus_agent.settings import (
    DEFAULT_FILE,
    ENVIRONMENT,
    Settings,
    find_file,
    load_apart,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from argus_agent.host import Host

FOUND_SOMETHING = 1
USAGE_ERROR = 2
NOT_LOOKED_AT = 2
INTERRUPTED = 130
ONCE_PAUSE = 1.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 when done, 1 when an audit differs, 2 for a wrong option or configuration, when guests could not be
    looked at, and for a bug.
    """
    with guarded():
        return _main(_parser().parse_args(argv))


def _main(args: argparse.Namespace) -> int:
    trace = args.debug or args.command is None  # a service's journal gets it
    try:
        path = find_file(args.config_file)
        settings = load_apart(path)
        trace = trace or settings.debug
        _set_up_logging(debug=args.debug or settings.debug, once=args.command is not None)
        return _run(args, path, settings)
    except ConfigError as error:
        print(f"argus-agent: {one_line(str(error))}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # | head
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- Python would end with 1, which says that something was found
        return crashed("argus-agent", error, trace=trace)


def _run(args: argparse.Namespace, path: Path | None, settings: Settings) -> int:
    if args.command == "once":
        return _once(settings, args.format)
    if args.command == "placement":
        return _placement(settings, args.format)
    if args.command == "audit":
        return _audit(settings, args.profile, args.format)
    if args.command == "check-config":
        _check_config(str(path) if path else "no file, all defaults", settings)
    else:
        from argus_agent.daemon import run_daemon  # noqa: PLC0415 -- the other commands need no sinks

        run_daemon(settings, path)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="argus-agent",
        description="Measure guests and their node for Argus. Without a command: run as a daemon.",
    )
    parser.add_argument("--version", action="version", version=f"argus-agent {__version__}")
    parser.add_argument(
        "--config-file", metavar="FILE", help=f"default: ${ENVIRONMENT}, else {DEFAULT_FILE} if it is there"
    )
    parser.add_argument(
        "--debug", action="store_true", help="log more, and show where an unexpected error comes from"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    once = commands.add_parser(
        "once",
        help="measure now and print",
        description=f"Measure now and print; sends nothing. Measures twice, {ONCE_PAUSE:g} s apart, since "
        "steal, latencies and other shares are differences of two samples.",
    )
    once.add_argument("--format", choices=("json", "table", "prometheus"), default="table")
    placement = commands.add_parser(
        "placement",
        help="draw which guest runs on which core and NUMA node, and what is wrong with it",
        description="Draw sockets, NUMA nodes, cores and hyperthreads with the guests that run on them now, "
        "and name what is wrong. Reads /proc, /sys and libvirt's status files; libvirtd is not needed. It is "
        "a picture of this moment, so that findings are no failure: exit code 0; 2 when something could "
        "not be read. What was agreed on, and lasts, is for audit.",
    )
    placement.add_argument("--format", choices=("table", "json"), default="table")
    audit = commands.add_parser(
        "audit",
        help="compare the node and its guests with the agreed tuning",
        description="Compare settings of the node and of each guest with a profile; exit code 1 when "
        "something differs, 2 when a guest or setting could not be read. libvirtd is not needed.",
    )
    audit.add_argument("--profile", metavar="FILE", help="default: [audit] profile of the configuration")
    audit.add_argument("--format", choices=("table", "json"), default="table")
    commands.add_parser("check-config", help="read the configuration and say whether it can be used")
    return parser


def _set_up_logging(*, debug: bool, once: bool) -> None:
    # journald and `once` need no time of their own; a person who redirects a daemon's log does
    text = "argus-agent: %(message)s" if once else "%(asctime)s %(levelname)s %(name)s: %(message)s"
    log_to_stderr(text, debug=debug)


def _check_config(source: str, settings: Settings) -> None:
    """Say what is configured.  Raises ``ConfigError`` for files that cannot be used."""
    servers = ", ".join(map(str, settings.servers)) or "nothing is sent to Zabbix"
    if settings.tls.connect != UNENCRYPTED:
        from argus.zabbix_tls import make_secure  # noqa: PLC0415 -- only for who uses TLS

        make_secure(settings.tls)
        servers += f" (TLS by {settings.tls.connect})"
    print(f"{source}: ok")
    print(f"host {settings.host}, every {settings.interval:g} s; libvirt {settings.libvirt_uri}")
    print(f"Zabbix: {servers}; Prometheus: {settings.listen or 'off'}")


def _host(settings: Settings) -> Host:
    from argus_agent.host import Host  # noqa: PLC0415 -- check-config and --version stay quick
    from argus_agent.kernel.rtnetlink import ask  # noqa: PLC0415 -- as above

    return Host(settings.host, settings.procfs, settings.sysfs, settings.rundir, link=ask)


def _once(settings: Settings, form: str) -> int:
    from argus_agent.parts import make_runner  # noqa: PLC0415 -- check-config and --version stay quick
    from argus_agent.sinks.stdout import FORMATS  # noqa: PLC0415

    runner = make_runner(settings, _host(settings), threaded=False)
    runner.run()
    ready = time.monotonic() + ONCE_PAUSE
    runner.walks.read_asked(ONCE_PAUSE)
    time.sleep(max(0.0, ready - time.monotonic()))
    result = runner.run()
    print(FORMATS[form](settings.host, result), end="" if form == "prometheus" else "\n")
    return _tell_unread(result.unread)


def _tell_unread(unread: Mapping[str, str]) -> int:
    """Name on stderr each guest and file that could not be looked at; return the exit code."""
    for guest, reason in unread.items():
        print(f"argus-agent: not read: {one_line(f'{guest}: {reason}')}", file=sys.stderr)
    return NOT_LOOKED_AT if unread else 0


def _placement(settings: Settings, form: str) -> int:
    from argus.screen import Screen  # noqa: PLC0415 -- heavy, and the daemon never draws
    from argus_agent import placement_view  # noqa: PLC0415
    from argus_agent.kernel.topology import read_topology  # noqa: PLC0415
    from argus_agent.placement import review  # noqa: PLC0415
    from argus_agent.placement_source import read_guests  # noqa: PLC0415

    host = _host(settings)
    unread: dict[str, str] = {}
    try:
        topology, guests = read_topology(host.sysfs), read_guests(host, settings.page_walk_bytes, unread)
    except OSError as error:
        raise ConfigError(f"{error}; see [DEFAULT] rundir and sysfs, and this user's rights") from error
    unread |= topology.unread
    reserved = settings.allocation.reserved_cpus
    findings = review(guests, topology, reserved)
    if form == "json":
        print(placement_view.as_json(topology, guests, findings, unread))
    else:
        Screen().print(placement_view.picture(topology, guests, findings, reserved, unread))
    return _tell_unread(unread)


def _audit(settings: Settings, profile: str | None, form: str) -> int:
    from argus.screen import Screen  # noqa: PLC0415 -- heavy, and the daemon shows no tables
    from argus_agent.audit import report  # noqa: PLC0415
    from argus_agent.audit.checks import audit  # noqa: PLC0415
    from argus_agent.audit.facts import read_facts  # noqa: PLC0415
    from argus_agent.audit.profile import ProfileError, load_profile  # noqa: PLC0415

    path = Path(profile) if profile else settings.audit_profile
    if path is None:
        raise ConfigError("no profile: give --profile FILE or set [audit] profile; etc/profiles has two")
    try:
        wanted = load_profile(path)
    except ProfileError as error:
        raise ConfigError(str(error)) from error
    try:
        facts = read_facts(_host(settings))
    except OSError as error:
        raise ConfigError(f"{error}; see [DEFAULT] procfs and sysfs, and this user's rights") from error
    rows = audit(facts, wanted)
    if form == "json":
        print(report.as_json(rows, wanted.name, facts.not_seen))
    else:
        report.show(rows, wanted.name, Screen(), facts.not_seen)
    if _tell_unread(facts.not_seen):
        return NOT_LOOKED_AT
    return FOUND_SOMETHING if any(not row.agrees for row in rows) else 0
