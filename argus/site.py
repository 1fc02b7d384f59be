"""One installation of the correlator: what its jobs work with, made from the configuration."""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argus import capacity_source, config, guests, notify, services_source
from argus.correlator.facts import ZABBIX, Facts
from argus.correlator.reported import StillThere, trigger_of
from argus.correlator.rules import problems
from argus.fleets import Fleets
from argus.flights import Strays
from argus.notify.email import STEPS
from argus.notify.http import TOTAL
from argus.receivers import Health
from argus.routing.read import read
from argus.routing.tree import everything
from argus.sources import Stored, Together
from argus.store import incidents, leases
from argus.store.clock import ServerClock
from argus.store.engine import Store, open_store
from argus.store.reports import WAITS
from argus.zabbix.trapper import Trappers
from argus.zabbix_options import encryption, secure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from argus.correlator.thresholds import Policy
    from argus.guests import GuestHosts
    from argus.notify.base import Receiver
    from argus.routing.tree import Router
    from argus.sources import Slow, Source
    from argus.zabbix.api import Zabbix

ZABBIX_TRIES = 3  # of one request; the lease of a cycle is renewed between two requests
MARGIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that a job needs.  ``clock`` gives seconds since the epoch; ``owner`` names this process.

    ``read_seconds`` and ``send_seconds`` are how long one request to the source and one message may take;
    ``shared_clock`` what all workers measure leases by, the database's clock without it.
    """

    store: Store
    source: Source
    policy: Policy
    receivers: Mapping[str, Receiver]
    router: Router
    owner: str
    clock: Callable[[], float] = time.time
    attempts: int = 40
    read_seconds: float = 40.0
    send_seconds: float = 30.0
    keep_seconds: float = 90 * 86400.0
    guests: GuestHosts | None = None
    zabbix: ZabbixSource | None = None  # whose acknowledgements are followed; None: nobody's
    slow: tuple[Slow, ...] = ()  # read by jobs of their own; their snapshots are among the source's facts
    dead_man_url: str = ""
    trappers: Trappers = field(default_factory=Trappers)
    may_age: Mapping[str, float] = field(
        default_factory=dict
    )  # seconds, of each job's success; 0: no such job
    queue: Callable[[], int | None] | None = None  # tasks that wait for a worker; None: there are no workers
    waits: tuple[float, ...] = field(default=WAITS)
    strays: Strays = field(default_factory=Strays)
    shared_clock: Callable[[], float] | None = None
    intervals: Mapping[str, float] = field(default_factory=lambda: {"correlate": 15.0, "deliver": 2.0})

    def lease_clock(self) -> float:
        """Return the time by which leases end, the same on all hosts.  Raises ``StoreError``."""
        return self.shared_clock() if self.shared_clock is not None else self.store.clock(self.clock)

    @property
    def lease_seconds(self) -> float:
        """How long a lease lasts that is extended while the work under it goes on."""
        return min(self.read_seconds, leases.SECONDS)


@dataclass(frozen=True, slots=True)
class ZabbixSource:
    """Problems and node values through the Zabbix API; one session a snapshot, so that a new token counts.

    ``severity`` is Zabbix' own, from which problems of hosts outside Argus' groups are read too (``None``:
    none is); ``standing`` gives the subjects of incidents about problems, of which their end has to be known.
    """

    url: str
    token_file: Path
    timeout: float
    place_tags: tuple[str, ...] = ()
    guests_of_incidents: Callable[[], frozenset[str]] = frozenset
    severity: int | None = None
    standing: Callable[[], tuple[str, ...]] = tuple

    def session(self) -> Zabbix:
        """Open a session.  Raises ``ZabbixError``."""
        from argus.zabbix import api  # noqa: PLC0415  # only who reads Zabbix needs its client

        return api.Zabbix.with_token_file(self.url, self.token_file, timeout=self.timeout)

    def read(self, alive: Callable[[], None]) -> Facts:
        """See ``Source``."""
        from argus.zabbix import api, feeds  # noqa: PLC0415

        try:
            with self.session() as zabbix:
                alive()
                problems = feeds.read_problems(zabbix)
                alive()
                if self.severity is not None:
                    problems += feeds.read_foreign_problems(zabbix, self.severity, problems)
                    alive()
                standing = self.standing()
                there = feeds.shown_triggers(zabbix, {trigger_of(each) for each in standing})
                alive()
                proxies = feeds.read_proxies(zabbix)
                names = {number: name for number, name, _ in proxies}
                alive()
                nodes = feeds.read_node_values(zabbix, place_tags=self.place_tags, proxies=names)
                alive()
                seen = tuple((name, at) for _, name, at in proxies)
                pulse = feeds.read_pulse(zabbix, nodes, seen)
                # a host with a problem is there; who asks for the others need not ask for those
                quiet = self.guests_of_incidents() - {problem.host for problem in problems}
                unseen = feeds.read_unseen(zabbix, quiet)
                still = StillThere(tuple(each for each in standing if trigger_of(each) in there))
                return Facts(problems, nodes, others=(still,), proxies=seen, pulse=pulse, unseen=unseen)
        except api.ZabbixError as exc:
            return Facts(blind=(ZABBIX,), why_blind=(str(exc),))


def routes(conf: Any) -> Router:
    """Read ``routes.yaml``; without one, all goes to ``[smtp] recipients``.  Raises ``RoutesError``."""
    if conf.correlator.routes_file:
        return read(Path(conf.correlator.routes_file), notify.options())
    return everything(tuple(f"email:{address}" for address in conf.smtp.recipients))


def slow_sources(conf: Any, store: Store) -> tuple[Slow, ...]:
    """Make what is read by jobs of their own: a line a source; each also needs a job in the schedule."""
    return (
        *services_source.from_config(conf, store),
        *capacity_source.sources(conf, Fleets(conf), store),
    )


def from_config(conf: Any) -> Site:
    """Wire everything up; connects to nothing yet.  Raises ``ArgusError`` for what cannot work."""
    config.check(conf)
    router = routes(conf)
    store, policy = open_store(config.database_url(conf)), config.policy(conf)
    zabbix = ZabbixSource(
        conf.zabbix.url,
        Path(conf.zabbix.token_file),
        conf.zabbix.timeout,
        tuple(conf.correlator.place_tags),
        partial(incidents.guests_in_trouble, store),
        policy.problems.severity,
        partial(_standing, store),
    )
    slow = slow_sources(conf, store)
    clock = ServerClock(store)
    return Site(
        store=store,
        source=Together((zabbix, Health(store, router), *(Stored(each, store, clock) for each in slow))),
        slow=slow,
        zabbix=zabbix,
        policy=policy,
        receivers=notify.made(conf, router.options),
        router=router,
        owner=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        attempts=conf.correlator.delivery_attempts,
        read_seconds=ZABBIX_TRIES * conf.zabbix.timeout + MARGIN_SECONDS,
        send_seconds=MARGIN_SECONDS + max(STEPS * conf.smtp.timeout, TOTAL),
        keep_seconds=conf.database.keep_days * 86400.0,
        dead_man_url=conf.correlator.dead_man_url,
        trappers=_trappers(conf),
        clock=clock,
        intervals={"correlate": conf.correlator.interval, "deliver": conf.correlator.deliver_interval},
        guests=guests.from_config(conf, ZABBIX_TRIES * conf.zabbix.timeout + MARGIN_SECONDS),
    )


def _standing(store: Store) -> tuple[str, ...]:
    """The subjects of incidents about problems of Zabbix."""
    with store.read() as session:
        return incidents.subjects(session, [rule.name for rule in problems.RULES])


def _trappers(conf: Any) -> Trappers:
    tls = encryption(conf)
    addresses = tuple(config.address(server, "[zabbix] servers") for server in conf.zabbix.servers)
    return Trappers(addresses, tls, secure(tls) if addresses else None)
