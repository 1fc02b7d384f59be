"""``argus capacity`` and ``argus whatif``: what fits, what survives, and when it is full."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import csv
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from argus import capacity_tables as tables
from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.fit import fit
from argus.correlator.capacity.free import balances
from argus.correlator.capacity.overcommit import overcommit
from argus.correlator.capacity.whatif import boot, with_hosts
from argus.errors import ArgusError
from argus.fleets import Fleets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from argus.correlator.capacity.model import Flavor, Fleet, Host

FOUND = 1
UNSURE = "not known: NUMA"
NAMED = 20  # guests named in a table; JSON and CSV have all


@contextmanager
def progress(text: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long calculation is, on a terminal's stderr only: output stays what it is."""
    from rich.progress import Progress  # noqa: PLC0415  # tables are for people

    from argus.screen import Screen  # noqa: PLC0415

    with Progress(console=Screen(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def read_all(fleets: Fleets, cloud: str = "") -> list[Fleet]:
    """Read the fleets that are meant; tells on stderr what could not be read of them."""
    names = fleets.names()
    if cloud and cloud not in names:
        raise ArgusError(f"there is no cloud {cloud!r} in [openstack] clouds; there are: {', '.join(names)}")
    found = []
    for name in [cloud] if cloud else names:
        with progress(f"reading {name}") as told:
            fleet = fleets.read(name, told)
        for part, why in fleet.missing.items():
            print(f"argus: {name}: not read: {part}: {why}", file=sys.stderr)
        found.append(fleet)
    return found


def capacity(conf: Any, *, flavor: str, by: str, cloud: str, form: str) -> int:
    """Print what is left, and with ``flavor`` how many more of it fit; exit code 1 when none does."""
    made, count = [], 0
    every = read_all(Fleets(conf), cloud)
    if flavor and not any(fleet.flavor(flavor) for fleet in every):
        names = sorted({each.name for fleet in every for each in fleet.flavors})
        raise ArgusError(f"there is no flavor {flavor!r}; there are: {', '.join(names) or 'none known'}")
    for fleet in every:
        scopes = {"all": fleet.hosts} | (fleet.scopes(by) if by else {})
        wanted = fleet.flavor(flavor) if flavor else None
        if flavor and wanted is None:
            continue
        for name, hosts in scopes.items():
            row = fits_row(fleet, name, hosts, wanted) if wanted else free_row(fleet, name, hosts)
            made.append(row)
        count += made[-len(scopes)].get("may_fit", 1)
    if form == "csv" and not flavor:
        made = [row for each in made for row in by_class(each)]
    show(made, form, tables.fits if flavor else tables.free)
    return 0 if count else FOUND


def by_class(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row a resource class, as a spreadsheet wants them; one without classes stays one."""
    nested = ("classes", "flavors", "flavors_may_fit", "promised")
    plain = {name: value for name, value in row.items() if name not in nested}
    plain["closed"] = " ".join(sorted(row["closed"]))
    return [
        {
            **plain,
            "class": kind,
            **figures,
            "hosts_over": " ".join(figures["hosts_over"]),
            "promised": row["promised"].get(kind),
        }
        for kind, figures in row["classes"].items()
    ] or [plain]


def free_row(fleet: Fleet, name: str, hosts: Sequence[Host]) -> dict[str, Any]:
    """Return one scope's balance by resource class."""
    classes = {
        kind: {
            "total": b.total,
            "reserved": b.reserved,
            "capacity": b.capacity,
            "used": b.used,
            "held_twice": b.doubled,
            "free": b.free,
            "free_on_open_hosts": b.open,
            "hosts_over": list(b.over),
        }
        for kind, b in balances(fleet, hosts).items()
    }
    closed = {host.name: host.closed for host in hosts if host.closed}
    fits, may = {}, {}
    for each in fleet.flavors:
        found = fit(hosts, each.request)
        fits[each.name] = found.count
        if found.most != found.count:
            may[each.name] = found.most
    return {
        "cloud": fleet.name,
        "scope": name,
        "hosts": len(hosts),
        "closed": closed,
        "classes": classes,
        "flavors": fits,
        "flavors_may_fit": may,
        **pains(hosts),
    }


def pains(hosts: Sequence[Host]) -> dict[str, Any]:
    """Return overcommit by allocation and by pain; ``null`` for what no agent tells."""
    found = overcommit(hosts)
    return {
        "promised": dict(found.promised),
        "hosts_that_tell": found.told,
        "steal": found.worst.steal,
        "cpu_stall": found.worst.cpu_stall,
        "memory_stall": found.worst.stall,
        "swap_bytes": found.worst.swap,
        "ballooned_bytes": found.worst.ballooned,
    }


def fits_row(fleet: Fleet, name: str, hosts: Sequence[Host], flavor: Flavor) -> dict[str, Any]:
    """Return how many more of a flavor fit in one scope, where, and why not elsewhere."""
    found = fit(hosts, flavor.request)
    return {
        "cloud": fleet.name,
        "scope": name,
        "flavor": flavor.name,
        "asks": dict(flavor.request.needs),
        "fits": found.count,
        "may_fit": found.most,
        "if_not_fragmented": found.ideal,
        "fragmentation": found.fragmentation,
        "by_host": dict(found.by_host),
        "no_room": dict(found.refused),
        "not_checked": found.unjudged or None,
    }


def whatif(conf: Any, words: Sequence[str], *, cloud: str, form: str) -> int:
    """Answer ``lose|drain HOST``, ``add N HOST-TYPE`` or ``boot N FLAVOR``; exit code 1: no fit."""
    action, rest = words[0], list(words[1:])
    wants = {"lose": "HOST...", "drain": "HOST...", "add": "N HOST-TYPE", "boot": "N FLAVOR"}
    if action not in wants:
        raise ArgusError(f"argus whatif: {action!r} is none of {', '.join(wants)}")
    if not rest or (action in {"add", "boot"} and (len(rest) != 2 or not rest[0].isdigit())):
        raise ArgusError(f"argus whatif {action} wants {wants[action]}")
    every = read_all(Fleets(conf), cloud)
    if len(every) > 1:
        names = ", ".join(fleet.name for fleet in every)
        raise ArgusError(f"argus whatif looks at one cloud: say which with --cloud ({names})")
    answers = {"lose": _lose, "drain": _lose, "add": _add, "boot": _boot}
    across = bool(conf.capacity.failover_across_zones)
    return answers[action](every[0], action, rest, form, across)


def _lose(fleet: Fleet, action: str, names: list[str], form: str, across: bool) -> int:
    refuse_unread(fleet)
    hosts = [name for word in names for name in _named(fleet, word)]
    loss = Failover(fleet, across_zones=across).lose(" and ".join(names), hosts)
    rows = [
        {
            "guest": guest.uuid,
            "name": guest.name,
            "project": guest.project,
            "flavor": guest.flavor,
            "from": guest.host,
            "to": target,
        }
        for guest, target in [
            *((g, None) for g in loss.stranded),
            *((g, UNSURE) for g in loss.unsure),
            *loss.moved,
        ]
    ]
    document = {
        "cloud": fleet.name,
        "what": action,
        "lost": " and ".join(names),
        "hosts": list(loss.hosts),
        "fits": loss.survives,
        "guests": len(rows),
        "without_host": len(loss.stranded),
        "unsure": len(loss.unsure),
        "short": dict(loss.short),
        "moves": rows,
    }
    if form == "table":
        tables.loss(document, NAMED)
    elif form == "csv":
        show(rows, form, tables.free)
    else:
        print(json.dumps(document, indent=2))
    return 0 if loss.survives else FOUND


def refuse_unread(fleet: Fleet) -> None:
    """Refuse to answer about losses where that would be a guess.  Raises ``ArgusError``."""
    for part in ("servers", "guests", "providers"):
        if part in fleet.missing:
            raise ArgusError(f"cannot tell who would have to move: {part}: {fleet.missing[part]}")


def _named(fleet: Fleet, word: str) -> list[str]:
    """Return the hosts that a word means: one, or those of ``az:``, ``rack:`` or ``aggregate:NAME``."""
    if any(host.name == word for host in fleet.hosts):
        return [word]
    by, _, name = word.partition(":")
    found = fleet.scopes(by).get(name) if by in {"az", "rack", "aggregate"} else None
    if found is None:
        known = ", ".join(host.name for host in fleet.hosts[:10])
        raise ArgusError(f"there is no host {word!r} in {fleet.name}; there are: {known}, ...")
    return [host.name for host in found]


def _add(fleet: Fleet, action: str, words: list[str], form: str, across: bool) -> int:
    """Show what fits before and after; and how many hosts could then be lost that could not before."""
    number, kind = int(words[0]), words[1]
    like = next((host for host in fleet.hosts if host.name == kind), None)
    if like is None:
        raise ArgusError(f"HOST-TYPE is a host to add more like: there is no {kind!r} in {fleet.name}")
    after = with_hosts(fleet, like, number)
    rows = [
        {
            "cloud": fleet.name,
            "flavor": each.name,
            "before": fit(fleet.hosts, each.request).count,
            "after": fit(after.hosts, each.request).count,
        }
        for each in fleet.flavors
    ]
    left, more = balances(fleet), balances(after)
    rows += [
        {"cloud": fleet.name, "flavor": f"free {k}", "before": left[k].open, "after": more[k].open}
        for k in left
    ]
    if "servers" not in fleet.missing:
        with progress(f"{action}: losing each host in turn") as told:
            lost, then = (
                sum(not loss.survives for loss in Failover(each, across_zones=across).each("host", told))
                for each in (fleet, after)
            )
        title = "hosts whose loss does not fit"
        rows.append({"cloud": fleet.name, "flavor": title, "before": lost, "after": then})
    show(rows, form, tables.before_after)
    return 0


def _boot(fleet: Fleet, _action: str, words: list[str], form: str, _across: bool) -> int:
    number, flavor = int(words[0]), fleet.flavor(words[1])
    if flavor is None:
        names = ", ".join(each.name for each in fleet.flavors)
        raise ArgusError(f"there is no flavor {words[1]!r} in {fleet.name}; there are: {names}")
    fits, _ = boot(fleet.hosts, flavor.request, number)
    row = fits_row(fleet, "all", fleet.hosts, flavor) | {"wanted": number, "all_fit": fits}
    show([row], form, tables.fits)
    if form == "table":
        most = f", at most {row['may_fit']}" if row["may_fit"] != row["fits"] else ""
        answer = "all fit" if fits else f"{row['fits']} fit{most}"
        print(f"{number} more of {flavor.name} wanted: {answer}")
    return 0 if fits else FOUND


def show(rows: Sequence[Mapping[str, Any]], form: str, table: Callable[[Any], None]) -> None:
    """Print rows as JSON, as CSV (nested values as JSON in their cell) or as a table."""
    if form == "json":
        print(json.dumps(rows, indent=2))
    elif form == "csv":
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        for row in rows:
            cells = (row.get(name) for name in names)
            writer.writerow([json.dumps(c) if isinstance(c, dict | list) else c for c in cells])
    else:
        table(rows)
