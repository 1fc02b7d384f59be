"""Which server a target is behind, and who hears in the place of one that is no longer set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.cycle import labels
from argus.notify import HEAR_DIGESTS
from argus.notify.base import Kind, Served
from argus.store import reports
from argus.store.models import IncidentRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from argus.notify.base import Receiver
    from argus.site import Site
    from argus.store.outbox import Claim


def receiver_of(site: Site, target: str) -> Receiver | None:
    """Return what sends to a target; ``None`` when it is no longer set up."""
    return site.receivers.get(target) or site.receivers.get(target.partition(":")[0])


def servers(site: Site) -> Mapping[str, str]:
    """Return the server of each receiver that shares it with others, by target: ``server:HOST:PORT``."""
    hosts = {name: each.server for name, each in site.receivers.items() if isinstance(each, Served)}
    shared = [host for host in hosts.values() if host]
    return {name: f"server:{host}" for name, host in hosts.items() if shared.count(host) > 1}


def server_of(site: Site, target: str) -> str:
    """Return under which name it is known whether the server of a target can be reached."""
    kind = target.partition(":")[0]
    if target not in site.receivers and kind in site.receivers:
        return kind  # one mail server for all addresses
    return servers(site).get(target, target)


def known(site: Site) -> set[str]:
    """Return all under whose names something may be known of how receivers fare."""
    targets = {target for targets in site.router.targets.values() for target in targets}
    return {*targets, *site.router.options, *site.receivers, *servers(site).values()}


def successor(session: Session, site: Site, claimed: Claim, now: float) -> str | None:
    """Return who hears of an incident in the place of a target that is no longer set up.

    That is whom the routes of today name and who was not told of it under a name of its own: first one of the
    same kind, since most often a receiver got another name; at last the fallback.
    """
    row = session.get_one(IncidentRow, claimed.incident_id)
    own = {each.receiver for each in reports.messages(session, row.id)}
    kind = claimed.receiver.partition(":")[0]
    dues = [due.target for due in site.router.due(labels(row), now) if due.step == 0]
    found = [each for each in dues if each.partition(":")[0] == kind]
    if claimed.kind in {Kind.OPEN.value, Kind.RESOLVE.value}:
        found += [*dues, *site.router.fallback_targets(claimed.receiver)]
    elif claimed.kind == Kind.DIGEST.value:
        found += [each for each in dues if each.partition(":")[0] in HEAR_DIGESTS]
    return next((each for each in found if each not in own and receiver_of(site, each) is not None), None)
