"""``argus capacity --failover`` and ``--drift``: which losses do not fit, and who disagrees about what."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from argus import capacity_tables as tables
from argus.capacity_commands import FOUND, progress, read_all, refuse_unread, show
from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.failover import HEAVIEST, Failover
from argus.errors import ArgusError
from argus.fleets import Fleets

if TYPE_CHECKING:
    from argus.correlator.capacity.failover import Loss
    from argus.correlator.capacity.model import Fleet


def losses(conf: Any, *, by: str, lost: int, cloud: str, form: str) -> int:
    """Lose each unit of ``by`` in turn, or K of the heaviest hosts at once; 1 if one does not fit."""
    if lost > 1 and by != "host":
        raise ArgusError("--lost K loses K hosts at once: it goes with --by host")
    rows = []
    for fleet in read_all(Fleets(conf), cloud):
        refuse_unread(fleet)
        _refuse_untried(fleet, by, lost)
        failover = Failover(fleet, across_zones=bool(conf.capacity.failover_across_zones))
        with progress(f"{fleet.name}: losing each {by} in turn") as told:
            found = failover.each(by, told) if lost == 1 else failover.together(lost)
            rows += [_row(fleet.name, loss) for loss in found]
    show(rows, form, tables.losses)
    if lost > 1 and form == "table":
        print(f"tried: each {lost} at once of the {HEAVIEST} hosts with most memory promised, or of all")
    return 0 if all(row["fits"] for row in rows) else FOUND


def _refuse_untried(fleet: Fleet, by: str, lost: int) -> None:
    """Raise ``ArgusError`` where there is nothing to lose; say on stderr what is not among the units."""
    if lost > 1:
        if len(fleet.hosts) <= lost:
            hosts = f"{len(fleet.hosts)} hosts" if len(fleet.hosts) != 1 else "1 host"
            raise ArgusError(f"{fleet.name} has {hosts}: the loss of {lost} at once leaves none to go to")
        return
    units = fleet.scopes(by)
    if not units:
        raise ArgusError(f"nothing was tried: no host of {fleet.name} has a known {by}")
    without = len(fleet.hosts) - len({host.name for hosts in units.values() for host in hosts})
    if without:
        print(f"argus: {fleet.name}: not tried: {without} hosts have no known {by}", file=sys.stderr)


def _row(cloud: str, loss: Loss) -> dict[str, Any]:
    return {
        "cloud": cloud,
        "lost": loss.unit,
        "hosts": list(loss.hosts),
        "fits": loss.survives,
        "guests": len(loss.moved) + len(loss.stranded) + len(loss.unsure),
        "without_host": len(loss.stranded),
        "unsure": len(loss.unsure),
        "short": dict(loss.short),
        "who": [guest.label for guest in loss.stranded],
    }


def drift(conf: Any, *, cloud: str, form: str) -> int:
    """Print what disagrees in one reading, what is just being changed with it; 1 if anything does."""
    rows = [
        {
            "cloud": fleet.name,
            "kind": each.kind,
            "host": each.host,
            "subject": each.subject,
            "text": each.text,
        }
        for fleet in read_all(Fleets(conf), cloud)
        for each in drifts(fleet)
    ]
    show(rows, form, tables.drift)
    return FOUND if rows else 0
