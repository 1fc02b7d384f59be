"""``argus``, the command line.  Exit codes: 0 done, 1 found something, 2 usage or configuration error."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING, Any

from argus import __version__, asking_cli, capacity_cli, receivers_cli, silence_cli, zabbix_cli
from argus.errors import ArgusError, ConfigError
from argus.logs import keep_secrets_out
from argus.people import Intermixed, author
from argus.terminal import crashed, guarded, log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FOUND, USAGE_ERROR = 1, 2
FORMATS = ("table", "json")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what a person can fix is one line on stderr and 2."""
    with guarded():
        return _main(_parser().parse_args(argv))


def _main(arguments: argparse.Namespace) -> int:
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except ArgusError as exc:
        print(f"argus: {exc}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # | head
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as exc:  # noqa: BLE001 -- Python would end with 1, which says that something was found
        return crashed("argus", exc, trace=arguments.debug or command in _SERVICES)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="argus", description="Monitoring for OpenStack/KVM clouds on Zabbix."
    )
    parser.add_argument("--version", action="version", version=f"argus {__version__}")
    parser.add_argument(
        "--config-file", metavar="FILE", help="default: $ARGUS_CONFIG or /etc/argus/argus.conf"
    )
    parser.add_argument("--debug", action="store_true", help="show where an unexpected error comes from")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def add(
        name: str, text: str, command: Callable[[argparse.Namespace], int] | None
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(command=command)
        made.add_argument("--config-file", metavar="FILE", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    add("run", "Run the whole correlator in this process, without Celery and Redis.", _run)
    add("exporter", "Serve /metrics for Prometheus.", _exporter)
    check = add("check-config", "Check argus.conf; exit code 1 if something is lacking.", _check_config)
    check.add_argument("--format", choices=FORMATS, default="table")
    database = add("db", "Make or change the tables of the database.", _db_upgrade)
    database.add_argument("action", choices=["upgrade"])
    render = add("render", "Write the files that are generated from the catalogue.", _render)
    render.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file differs")
    incidents = add("incidents", "List open incidents.", _incidents)
    incidents.add_argument("--all", action="store_true", help="pending and resolved ones too, newest first")
    incidents.add_argument("--format", choices=FORMATS, default="table")
    services = add("services", "Show how every service is; exit code 1 if one is down.", _services)
    services.add_argument("--watch", action="store_true", help="show it again and again, until Ctrl-C")
    services.add_argument("--all", action="store_true", help="every process, agent and member too")
    services.add_argument("--format", choices=FORMATS, default="table")
    alerts = add("alerts", "List what is wrong, symptoms under their causes, told or not.", _alerts)
    alerts.add_argument("--format", choices=FORMATS, default="table")
    _add_operating(add)
    asking_cli.register(add, _load, _store)
    silence_cli.register(add, _store)
    receivers_cli.register(add, _load)
    capacity_cli.register(add, _load)
    zabbix_cli.register(add, _load)
    return parser


def _add_operating(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add what people do about incidents."""
    ack = add("ack", "Acknowledge an incident: it is not escalated any more.", _ack)
    ack.add_argument("incident", type=int, metavar="ID")
    ack.add_argument("--author", default=author())
    ack.add_argument("--undo", action="store_true", help="take it back: escalation goes on")
    ack.add_argument("--format", choices=FORMATS, default="table")
    resolve = add("resolve", "End an incident, for a reason: its host was taken out, say.", _resolve)
    resolve.add_argument("incident", type=int, metavar="ID")
    resolve.add_argument("--comment", required=True, metavar="WHY", help="kept in argus explain, and told")
    resolve.add_argument("--author", default=author())
    resolve.add_argument("--format", choices=FORMATS, default="table")
    route = add("route", "Show who would be told of an incident: route test LABEL=VALUE...", _route)
    verbs = route.add_subparsers(title="verbs", required=True, metavar="VERB", parser_class=Intermixed)
    test = verbs.add_parser("test", help="of one with these labels", description="Show who would be told.")
    test.add_argument("--config-file", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    test.add_argument("labels", nargs="*", metavar="LABEL=VALUE")
    test.add_argument("--at", default="", metavar="TIME", help="at another time: 2026-11-23T22:00")
    test.add_argument("--format", choices=FORMATS, default="table")
    audit = add("audit", "Show what the auditor of delivery found last; exit code 1 for violations.", _audit)
    audit.add_argument("--format", choices=FORMATS, default="table")


def _load(arguments: argparse.Namespace, *, rules: bool = True) -> Any:
    from argus import config  # noqa: PLC0415  # each command pays only for what it uses

    conf = config.load(arguments.config_file, rules=rules)
    log_to_stderr("%(asctime)s %(levelname)s %(name)s: %(message)s", debug=conf.debug)
    keep_secrets_out()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return conf


def _store(arguments: argparse.Namespace) -> Any:
    from argus import config  # noqa: PLC0415
    from argus.store import schema  # noqa: PLC0415
    from argus.store.engine import open_store  # noqa: PLC0415

    store = open_store(config.database_url(_load(arguments, rules=False)))
    schema.check(store)
    return store


def _run(arguments: argparse.Namespace) -> int:
    from argus import run, site  # noqa: PLC0415

    conf = _load(arguments)
    return run.run(conf, site.from_config(conf))


def _exporter(arguments: argparse.Namespace) -> int:
    from argus import config, exporter  # noqa: PLC0415
    from argus.store.engine import open_store  # noqa: PLC0415

    conf = _load(arguments)
    if not conf.exporter.listen:
        raise ConfigError("[exporter] listen is empty: there is nothing to serve on")
    host, port = config.address(conf.exporter.listen, "[exporter] listen")
    return exporter.serve(open_store(config.database_url(conf)), host, port)


def _check_config(arguments: argparse.Namespace) -> int:
    from argus import lacking, operating, site  # noqa: PLC0415

    conf = _load(arguments)
    made = site.from_config(conf)
    lacks = lacking.lacking(conf, made, operating.sample_targets(made.router, made.clock()))
    operating.samples(made.router, made.clock(), lacks, form=arguments.format)
    return FOUND if lacks else 0


def _ack(arguments: argparse.Namespace) -> int:
    from argus import operating  # noqa: PLC0415

    if arguments.undo:
        return operating.undo(_store(arguments), arguments.incident, arguments.author, form=arguments.format)
    return operating.ack(_store(arguments), arguments.incident, arguments.author, form=arguments.format)


def _resolve(arguments: argparse.Namespace) -> int:
    from argus import resolving  # noqa: PLC0415
    from argus.store.clock import ServerClock  # noqa: PLC0415

    store, told = _store(arguments), (arguments.author, arguments.comment)
    clock = ServerClock(store)
    return resolving.resolve(store, arguments.incident, *told, form=arguments.format, clock=clock)


def _route(arguments: argparse.Namespace) -> int:
    from argus import operating, site  # noqa: PLC0415

    router = site.routes(_load(arguments))
    return operating.route_test(router, arguments.labels, arguments.at, form=arguments.format)


def _audit(arguments: argparse.Namespace) -> int:
    from argus import listing  # noqa: PLC0415

    return listing.audit(_store(arguments), form=arguments.format)


def _db_upgrade(arguments: argparse.Namespace) -> int:
    from argus import config  # noqa: PLC0415
    from argus.store import schema  # noqa: PLC0415
    from argus.store.engine import open_store  # noqa: PLC0415

    store = open_store(config.database_url(_load(arguments)))
    before, after = schema.upgrade(store)
    done = "is current" if before == after else f"was upgraded from {before or 'nothing'}"
    print(f"{store.address} {done}: revision {after}")
    return 0


def _render(arguments: argparse.Namespace) -> int:
    from argus import render  # noqa: PLC0415

    return render.main(arguments.check)


def _incidents(arguments: argparse.Namespace) -> int:
    from argus import listing  # noqa: PLC0415

    return listing.incidents(_store(arguments), everything=arguments.all, form=arguments.format)


def _services(arguments: argparse.Namespace) -> int:
    from argus import services_listing  # noqa: PLC0415

    return services_listing.show(
        _store(arguments), watch=arguments.watch, everything=arguments.all, form=arguments.format
    )


def _alerts(arguments: argparse.Namespace) -> int:
    from argus import alerts  # noqa: PLC0415

    return alerts.alerts(_store(arguments), form=arguments.format)


_SERVICES = (_run, _exporter)
"""Commands that run as services: the journal gets where an unexpected error came from."""


if __name__ == "__main__":
    sys.exit(main())
