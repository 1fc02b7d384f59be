"""The job that keeps the hosts of guests in Zabbix current: names, tags, groups, and their end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argus import service_hosts
from argus.correlator.guest_life import ZONE_TAG, Terms, decide
from argus.services_round import zones_of_nodes
from argus.store import guests as memory
from argus.store import leases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from argus.correlator.guest_life import Decision, GuestHost, NodeReport
    from argus.site import Site
    from argus.zabbix.api import Zabbix

log = logging.getLogger(__name__)

LEASE = "guests"
LONGEST = 600.0  # seconds of one step; the worker ends the task at 900
CHANGES = 500  # names, tags and groups in one run; the rest waits for the next, so that Zabbix breathes


@dataclass(frozen=True, slots=True)
class GuestHosts:
    """Where the hosts are, and on what terms they end.  ``read_seconds`` is the lease of one request."""

    url: str
    token_file: Path
    timeout: float
    terms: Terms
    read_seconds: float


@dataclass(frozen=True, slots=True)
class _Seen:
    hosts: list[GuestHost]
    nodes: list[NodeReport]
    groups: dict[str, str]


def from_config(conf: Any, read_seconds: float) -> GuestHosts:
    """Read the options of section ``guests``; connects to nothing."""
    terms = Terms(
        conf.correlator.stale_after,
        conf.guests.disable_after,
        conf.guests.remove_after,
        conf.guests.share,
        tuple(conf.guests.group_by),
    )
    token = Path(conf.zabbix.token_file)
    return GuestHosts(conf.zabbix.url, token, conf.zabbix.timeout, terms, read_seconds)


def keep_guests(site: Site) -> bool:
    """Run once; false when another process is at it, or there is no Zabbix to keep.

    Raises ``ZabbixError``, ``StoreError`` or ``LeaseLostError``; what was done until then stays done, and
    the next run goes on.
    """
    from argus.zabbix import certified_hosts, node_tags  # noqa: PLC0415  # only who keeps Zabbix needs its client
    from argus.zabbix.api import Zabbix  # noqa: PLC0415

    at = site.guests
    if at is None:
        return False
    held = min(at.read_seconds, leases.SECONDS)
    lease = leases.acquire(site.store, LEASE, site.owner, held, site.lease_clock())
    if lease is None:
        return False
    try:
        with (
            leases.kept(site.store, lease, held, site.lease_clock, LONGEST) as alive,
            Zabbix.with_token_file(at.url, at.token_file, timeout=at.timeout) as zabbix,
        ):
            alive()
            zones = zones_of_nodes(site.store)
            seen = _zoned(_read(zabbix, at.terms, site.clock(), alive), zones)
            decision = _decide(site, seen, at.terms)
            _carry_out(zabbix, site, decision, seen.groups, alive)
            alive()
            node_tags.keep_zones(zabbix, zones, CHANGES)
            certified_hosts.keep(zabbix, at.terms.fresh, site.clock(), CHANGES, alive)
            alive()
            service_hosts.keep(site, zabbix, at.terms.disable_after, at.terms.remove_after, alive)
    finally:
        leases.release(site.store, lease)
    return True


def _read(zabbix: Zabbix, terms: Terms, now: float, alive: Callable[[], None]) -> _Seen:
    from argus.zabbix import guest_hosts  # noqa: PLC0415

    hosts = guest_hosts.read_guests(zabbix, alive)
    alive()
    nodes = guest_hosts.read_nodes(zabbix, terms.fresh, now)
    groups = guest_hosts.existing_groups(zabbix) if terms.group_by else {}
    return _Seen(hosts, nodes, groups)


def _zoned(seen: _Seen, zones: Mapping[str, str]) -> _Seen:
    """Add to each guest the zone of its node, once zones are known; until then its tag is left alone."""
    if not zones:
        return seen

    def facts(host: GuestHost) -> dict[str, str]:
        node = host.facts.get("node")
        return {**host.facts, ZONE_TAG: zones.get(node, "")} if node else dict(host.facts)

    return replace(seen, hosts=[replace(host, facts=facts(host)) for host in seen.hosts])


def _decide(site: Site, seen: _Seen, terms: Terms) -> Decision:
    """Decide, and write down who reports where, who is gone and who has left Zabbix."""
    now = site.clock()
    with site.store.write() as session:
        known = memory.memories(session)
        decision = decide(seen.hosts, seen.nodes, known, seen.groups, terms, now)
        memory.note(session, seen.hosts, decision.gone, now)
        memory.forget(session, known.keys() - {host.uuid for host in seen.hosts}, now)
    for line in decision.held:
        log.warning("%s", line)
    return decision


def _carry_out(
    zabbix: Zabbix,
    site: Site,
    decision: Decision,
    groups: dict[str, str],
    alive: Callable[[], None],
) -> None:
    from argus.zabbix import guest_hosts  # noqa: PLC0415

    for start in range(0, len(decision.identities[:CHANGES]), guest_hosts.AT_ONCE):
        alive()
        page = decision.identities[start : min(start + guest_hosts.AT_ONCE, CHANGES)]
        guest_hosts.change_identities(zabbix, page, groups)
    alive()
    guest_hosts.set_status(zabbix, decision.enable, enabled=True)
    guest_hosts.set_status(zabbix, decision.disable, enabled=False)
    with site.store.write() as session:
        memory.tried(session, {host.uuid for host in decision.enable}, site.clock())
        memory.disabled(session, {host.uuid for host in decision.disable}, site.clock())
    guest_hosts.remove(zabbix, decision.remove)
    _tell(decision)


def _tell(decision: Decision) -> None:
    told = (
        ("enabled again, to see whether the guest is back", decision.enable),
        ("disabled: the node has no such guest any more", decision.disable),
        ("removed with its history", decision.remove),
    )
    for what, hosts in told:
        for host in hosts:
            log.info("host %s %s", host.visible, what)
    if decision.identities:
        log.info(
            "names, tags or groups of %s guests brought up to date", min(len(decision.identities), CHANGES)
        )
