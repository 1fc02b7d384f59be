"""``argus zabbix plan``, ``apply``, ``export`` and ``register``."""
# ruff: noqa: T201  # a command prints

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from argus import config
from argus.errors import ArgusError
from argus.screen import Screen
from argus.zabbix import certified_hosts
from argus.zabbix.api import Zabbix, ZabbixDeniedError, ZabbixError, ZabbixSessionError
from argus.zabbix.fallback import Mail
from argus.zabbix.made import Made
from argus.zabbix.notes import notes
from argus.zabbix.provision import apply, plan, resources
from argus.zabbix.templates import export
from argus.zabbix.token import refuse_unwritable
from argus.zabbix_options import encryption

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from argus.zabbix.changes import Change, Resource

FOUND = 1
TROUBLE = 2
_COMPARING = "comparing"  # before anything is changed
_TIMEOUT = 120.0  # s; what is asked of a large Zabbix takes its time; an import has a longer one
_MOST_LINES = 20  # of one change in a table
_LONGEST = 240  # characters of such a line
_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def run_plan(
    conf: Any, fmt: str, environ: Mapping[str, str] = os.environ, *, delete_removed: bool = False
) -> int:
    """Show what ``apply`` would change; ``fmt`` is ``table`` or ``json``.

    ``conf`` has ``zabbix.url``, ``zabbix.token_file`` and ``zabbix.timeout`` (seconds).  Returns 0 when
    all is as wanted, 1 when there are changes, 2 with one line on stderr when Zabbix cannot be asked.
    """
    try:
        with _administrator(conf, environ) as zabbix:
            changes = plan(zabbix, _resources(conf, delete_removed=delete_removed))
            _note(zabbix, delete_removed=delete_removed)
    except ArgusError as exc:
        print(f"argus zabbix plan: {exc}", file=sys.stderr)
        return TROUBLE
    _show(changes, fmt, f"{conf.zabbix.url} is as wanted")
    return FOUND if changes else 0


def run_apply(
    conf: Any, fmt: str, environ: Mapping[str, str] = os.environ, *, delete_removed: bool = False
) -> int:
    """Do what ``plan`` shows, telling each step on stderr, and show what was done.

    Returns 0 when all is as wanted now, 2 with one line on stderr when a step failed.
    """
    try:
        with _administrator(conf, environ) as zabbix, _progress() as progress:
            refuse_unwritable(Path(conf.zabbix.token_file))
            wanted = _resources(conf, delete_removed=delete_removed)
            task = progress.add_task(_COMPARING, total=len(wanted))

            def looking_at(resource: Resource) -> None:
                """A kind of thing is done when the next one is begun; importing a template takes longest."""
                begun = progress.tasks[task].description != _COMPARING
                progress.update(task, description=resource.title, advance=int(begun))

            def started(change: Change) -> None:
                progress.console.print(_line(Text(change.verb), change))

            done = apply(zabbix, wanted, started, looking_at)
            Made(Path(conf.zabbix.token_file)).remember(zabbix)
            progress.update(task, description="done", completed=len(wanted))
            progress.stop()  # before a note is written below it
            _note(zabbix, delete_removed=delete_removed)
    except ArgusError as exc:
        print(f"argus zabbix apply: {exc}", file=sys.stderr)
        return TROUBLE
    _show(done, fmt, f"{conf.zabbix.url} was as wanted already")
    return 0


def run_export(conf: Any, environ: Mapping[str, str] = os.environ) -> int:
    """Print the templates of Argus as they are in Zabbix, as YAML that Zabbix imports.

    Returns 0, or 2 with one line on stderr when there are none or Zabbix cannot be asked.
    """
    try:
        with _administrator(conf, environ) as zabbix:
            print(export(zabbix), end="")
    except ArgusError as exc:
        print(f"argus zabbix export: {exc}", file=sys.stderr)
        return TROUBLE
    return 0


def run_register(
    conf: Any, nodes: Sequence[str], issuer: str, proxy: str, environ: Mapping[str, str] = os.environ
) -> int:
    """Make the hosts of nodes whose agents come by certificate; the correlator then makes their guests'.

    Returns 0, or 2 with one line on stderr when nothing was made because of a trouble.
    """
    try:
        with _administrator(conf, environ) as zabbix:
            made = certified_hosts.make_nodes(zabbix, nodes, issuer, proxy)
    except ArgusError as exc:
        print(f"argus zabbix register: {exc}", file=sys.stderr)
        return TROUBLE
    for node in nodes:
        print(f"{node}: {'made' if node in made else 'was there already'}")
    return 0


def _progress() -> Progress:
    """A bar on stderr with what is being done and for how long; where nobody looks, only the steps."""
    console = Screen(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _note(zabbix: Zabbix, *, delete_removed: bool) -> None:
    """Tell on stderr what a person should know; it changes no exit code."""
    for line in notes(zabbix):
        if not (delete_removed and "--delete-removed" in line):
            print(f"note: {line}", file=sys.stderr)


def _resources(conf: Any, *, delete_removed: bool) -> Any:
    return resources(
        Path(conf.zabbix.token_file),
        float(conf.zabbix.timeout),
        tuple(conf.guests.group_by),
        _mail(conf),
        tls=encryption(conf),
        services=bool(conf.services.file),
        delete_removed=delete_removed,
    )


def _mail(conf: Any) -> Mail | None:
    """How Zabbix mails when the correlator cannot: by ``[smtp]``, to those whom the option or that names."""
    recipients = tuple(conf.zabbix.fallback_recipients or conf.smtp.recipients)
    if not recipients:
        return None
    smtp = conf.smtp
    password = config.secret(conf, "smtp", "password_file") if smtp.username else ""
    return Mail(smtp.host, smtp.port, smtp.sender, smtp.tls, recipients, smtp.username, password)


def _administrator(conf: Any, environ: Mapping[str, str]) -> Zabbix:
    """Open a session with an administrator's credentials, which are never kept in the configuration."""
    url, timeout = conf.zabbix.url, max(float(conf.zabbix.timeout), _TIMEOUT)
    token = environ.get("ZABBIX_TOKEN", "")
    if token:
        renew = "make a new one in Zabbix, under Users, API tokens"
        who = "the token in ZABBIX_TOKEN"
        return _checked(Zabbix.with_token(url, token, who, renew, timeout=timeout))
    user, password = environ.get("ZABBIX_USER", ""), environ.get("ZABBIX_PASSWORD", "")
    if not user or not password:
        raise ZabbixError(
            "this needs a Zabbix administrator: set ZABBIX_USER and ZABBIX_PASSWORD, or ZABBIX_TOKEN, "
            "in the environment"
        )
    return _checked(Zabbix.login(url, user, password, timeout=timeout))


def _checked(zabbix: Zabbix) -> Zabbix:
    """Find out before anything is changed whether these credentials may change all of it."""
    try:
        zabbix.read("autoregistration.get", output=["tls_accept"])  # for super administrators only
    except ZabbixSessionError:
        raise
    except ZabbixDeniedError as exc:
        raise ZabbixDeniedError(f"{exc}; this needs a super administrator, and has changed nothing") from exc
    return zabbix


def _show(changes: Sequence[Change], fmt: str, nothing: str) -> None:
    if fmt == "json":
        print(json.dumps([change.as_dict() for change in changes], indent=2))
        return
    out = Screen(soft_wrap=True)
    if not changes:
        out.print(nothing)
    for change in changes:
        out.print(_line(Text(*_SIGNS[change.verb]), change))
        for line in change.details[:_MOST_LINES]:
            out.print(f"    {_short(line)}")
        more = len(change.details) - _MOST_LINES
        if more > 0:
            out.print(f"    ... and {more} more; --format json has all")


def _line(sign: Text, change: Change) -> Text:
    return Text.assemble(sign, f" {change.kind} ", (change.name, "bold"))


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
