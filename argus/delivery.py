"""Send what waits in the outbox: each message once, the end of an incident never before its beginning.

Any number of processes may do so at a time.  Each message is sent in a thread of its own under a lease that
is extended while it lasts, so that what a killed process had taken up is soon sent by another.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from argus import failpoints, successors
from argus.flights import AT_A_TIME, PER_SERVER, Flight, Flights
from argus.gate import Gate
from argus.notify import HEAR_DIGESTS
from argus.notify.base import Kind, Notification, NotifyError
from argus.notify.http import TOO_MANY
from argus.routing.titles import VARIABLES, fill
from argus.routing.tree import Due
from argus.store import digests, health, outbox, reports
from argus.store.engine import StoreError
from argus.store.incidents import record
from argus.store.models import IncidentRow
from argus.store.outbox import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from argus.site import Site

log = logging.getLogger(__name__)

T = TypeVar("T")
LEASE_SECONDS = 20.0  # of a message: what a killed process had taken up is sent by another after that
EXTENDED = 5  # times before it would run out
LOOK_SECONDS = 0.5  # between two looks for more to send, while something is on its way
RUN_SECONDS = 120.0  # after which receivers that are busy get no more
BRIEF_SECONDS = 5.0  # as the latter, for who only sends what was just decided
LAST_SECONDS = 240.0  # after which nobody does: the next run goes on
SETTLE_SECONDS = 60.0  # that a database which is away or locked is waited for, to note what was sent
ASKED_SECONDS = 3600.0  # for which a receiver may ask again and again to wait (429) without losing a message
RESERVE = 0.2  # of a limit that delays: for urgent incidents


def deliver(site: Site, lease: float = LEASE_SECONDS) -> bool:
    """Send what is due, and what becomes due meanwhile, until all of it has come to an end.

    ``lease`` is how many seconds after our death others send it.

    Raises ``StoreError``; what was sent by then is settled.  What could not be noted, as the database stayed
    away too long, is sent again, byte by byte the same.
    """
    _Run(site, lease).go()
    return True


def deliver_now(site: Site) -> bool:
    """Send what is due to receivers that work, and wait for nothing else; as ``deliver``."""
    _Run(site, LEASE_SECONDS, last=BRIEF_SECONDS, healthy=True).go()
    return True


@dataclass(slots=True)
class _Run:
    """One run.  ``in_trouble`` are receivers and servers that failed in it: they wait for the next.

    It takes up nothing after ``last`` seconds, and of receivers that are ``healthy`` only where that is set.
    """

    site: Site
    lease: float
    last: float = LAST_SECONDS
    healthy: bool = False
    flights: Flights = field(init=False)
    in_trouble: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)
    extended: float = field(default_factory=time.monotonic)
    failure: StoreError | None = None
    busy: bool = False  # something was to be done

    def __post_init__(self) -> None:
        self.flights = Flights(self.site.send_seconds, self.site.strays)

    def go(self) -> None:
        self._tidy()
        looked = 0.0
        while True:
            landed = None
            if self.flights:
                landed = self.flights.landed(LOOK_SECONDS)
                self._extend()
            if landed is not None:
                self._land(*landed)
            if self.failure is None and (landed or time.monotonic() - looked >= LOOK_SECONDS):
                looked = time.monotonic()
                self._launch_all()
            if not self.flights:
                break
        if self.failure is not None:
            raise self.failure
        if self.busy:
            self._tidy()

    def _tidy(self) -> None:
        """Drop what is no longer to be told, and tell the fallback what does not get through."""
        with self.site.store.write() as session:
            now = self.site.clock()
            outbox.drop_orphans(session, now)
            health.forget(session, successors.known(self.site))
            bad = health.failing(session)
            resting = health.resting(session, now)
            ill = _behind(self.site, {each for each in resting if each in bad})
            paused = [each for each in resting if each not in bad]
            for each in outbox.stuck(session, _behind(self.site, set(bad)), ill, now, paused):
                _fall_back(session, self.site, each.incident_id, each.receiver, each.payload, now)

    def _launch_all(self) -> None:
        """Take up what is due, as far as there is room."""
        try:
            if time.monotonic() - self.began > LOOK_SECONDS:
                self._tidy()
            while len(self.flights) < AT_A_TIME and time.monotonic() - self.began < self.last:
                flight = self._claim()
                if flight is None:
                    return
                self.busy = True
                if flight.claimed.attempts > self.site.attempts:  # senders before us died without a word
                    self._give_up(flight, "no attempt came to an end", maybe=True)
                elif not flight.target:
                    self._without_receiver(flight)
                else:
                    failpoints.reach("after_claim")
                    self.flights.launch(flight, partial(_send, self.site, flight))
        except StoreError as exc:  # what is on its way is waited for, and noted
            self.failure = exc

    def _claim(self) -> Flight | None:
        site = self.site
        shared = site.lease_clock()
        with site.store.write() as session:
            now = site.clock()
            resting = self.in_trouble.union(health.resting(session, now), self._full(session, shared))
            gate = Gate(session, site.router, now)
            spent, reserved = _limits(session, site, gate)
            claimed = outbox.claim(
                session,
                site.owner,
                self.lease,
                now,
                _behind(site, resting),
                spent,
                shared=shared,
                reserved=reserved,
                mine=[each.claimed.id for each in self.flights.flying],
                passes=gate.passes,
            )
            if claimed is None:
                return None
            target = claimed.receiver
            if successors.receiver_of(site, target) is None:
                target = successors.successor(session, site, claimed, now) or ""
        return Flight(claimed, target, successors.server_of(site, target))

    def _full(self, session: Session, shared: float) -> set[str]:
        """Return the servers that get no more at present; one that failed of late is tried by one message."""
        flying: Counter[str] = Counter()
        for receiver, number in outbox.flying(session, shared).items():
            flying[successors.server_of(self.site, receiver)] += number
        for server, number in self.site.strays.count().items():
            flying[server] += number
        known = health.all_of(session)
        tried = {each.target for each in known if each.failures >= health.TRIPS_AFTER}
        full = {
            server for server, number in flying.items() if number >= (1 if server in tried else PER_SERVER)
        }
        if self.healthy:
            full |= {each.target for each in known if each.failures}
        if time.monotonic() - self.began > RUN_SECONDS:
            full |= {flight.server for flight in self.flights.flying}
        return full

    def _extend(self) -> None:
        if not self.flights or time.monotonic() - self.extended < self.lease / EXTENDED:
            return
        try:
            until = self.site.lease_clock() + self.lease
            with self.site.store.write() as session:
                outbox.extend(session, [each.claimed for each in self.flights.flying], until)
        except StoreError as exc:
            log.debug("leases could not be extended: %s", exc)
        self.extended = time.monotonic()

    def _land(self, flight: Flight, error: BaseException | None) -> None:
        """Note what became of a message."""
        if error is None:
            failpoints.reach("after_send")
            self._sent(flight)
            return
        if not isinstance(error, Exception):
            raise error
        if isinstance(error, TimeoutError):  # the thread is left behind
            error = NotifyError(str(error), maybe_sent=True, server=True)
        elif not isinstance(error, NotifyError):  # a receiver's own mistake must not stop other messages
            log.error("the receiver %s failed", flight.target, exc_info=error)
            error = NotifyError(f"{type(error).__name__}: {error}", maybe_sent=True)
        if error.permanent or (
            flight.claimed.attempts >= self.site.attempts and not self._asks(flight, error)
        ):
            self._give_up(flight, str(error), maybe=error.maybe_sent, server=error.server)
        else:
            self.in_trouble |= {flight.target, flight.claimed.receiver}
            if error.server:
                self.in_trouble.add(flight.server)
            self._again(flight, error)

    def _asks(self, flight: Flight, error: NotifyError) -> bool:
        """Tell whether a healthy receiver asked for time; for ever it may not."""
        since = flight.claimed.payload.get("at", 0.0)
        return error.code == TOO_MANY and self.site.clock() - since < ASKED_SECONDS

    def _sent(self, flight: Flight) -> None:
        claimed = flight.claimed

        def settle(session: Session) -> bool:
            mine = outbox.settle_sent(session, claimed, self.site.clock())
            if mine and claimed.kind == Kind.DIGEST.value:
                digests.settle(session, claimed.id, State.SENT, self.site.clock())
            return mine

        mine = self._note(settle)
        self._healthy(flight)
        failpoints.reach("after_settle")
        if mine:
            log.info("sent %s of incident %s to %s", claimed.kind, claimed.incident_id, flight.target)
        else:
            log.error("sending to %s took longer than its lease: it may go out twice", flight.target)

    def _healthy(self, flight: Flight) -> None:
        """Note that the receiver works; a failure to note that must not undo that the message was sent."""
        try:
            with self.site.store.write() as session:
                health.accepted(session, flight.target, self.site.clock())
                if flight.server != flight.target:
                    health.answers(session, flight.server)
        except StoreError as exc:
            log.warning("%s works, which could not be noted: %s", flight.target, exc)

    def _again(self, flight: Flight, error: NotifyError) -> None:
        claimed, asks = flight.claimed, self._asks(flight, error)
        wait = error.retry_after
        if wait is None:
            wait = self.site.waits[min(claimed.attempts, len(self.site.waits)) - 1]
            wait *= random.uniform(0.5, 1.0)  # noqa: S311  # spreads retries, hides nothing

        def settle(session: Session) -> None:
            now, why = self.site.clock(), str(error)
            outbox.settle_retry(
                session, claimed, why, maybe=error.maybe_sent, wait=wait, now=now, counts=not asks
            )
            if not asks:
                health.failed(session, flight.server if error.server else flight.target, why, now)
            if asks or error.retry_after is not None:
                health.paused(session, flight.target, now + wait)

        self._note(settle)
        log.warning("%s of incident %s: %s; again in %.0f s", claimed.kind, claimed.incident_id, error, wait)

    def _give_up(self, flight: Flight, error: str, *, maybe: bool = False, server: bool = False) -> None:
        """Give up on a receiver; the fallback receiver is told in its place."""
        claimed, site = flight.claimed, self.site

        def settle(session: Session) -> None:
            now = site.clock()
            if outbox.settle_dead(session, claimed, error, now, maybe=maybe):
                untold = [(claimed.incident_id, claimed.kind, claimed.payload)]
                if claimed.kind == Kind.DIGEST.value:
                    carried = digests.settle(session, claimed.id, State.DEAD, now)
                    untold = [(each.incident_id, each.kind, each.payload) for each in carried]
                for number, kind, payload in untold:
                    if kind == Kind.OPEN.value:
                        _fall_back(session, site, number, claimed.receiver, payload, now)
            if flight.target:
                health.failed(session, flight.server if server else flight.target, error, now)

        self._note(settle)
        log.error("gave up %s of incident %s: %s", claimed.kind, claimed.incident_id, error)

    def _without_receiver(self, flight: Flight) -> None:
        """Settle a message to one who is no longer set up, and has no successor."""
        claimed, why = flight.claimed, "is no longer set up, and nobody hears in its place"
        if claimed.kind in {Kind.OPEN.value, Kind.DIGEST.value}:
            self._give_up(flight, f"{claimed.receiver} {why}")
            return
        self._note(lambda session: outbox.settle_dropped(session, claimed, why, self.site.clock()))
        log.warning("%s of incident %s: %s %s", claimed.kind, claimed.incident_id, claimed.receiver, why)

    def _note(self, settle: Callable[[Session], T]) -> T:
        """Write down what became of a message, as soon as the database lets us: it cannot be unsent."""
        end = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                with self.site.store.write() as session:
                    return settle(session)
            except StoreError as exc:
                passing = isinstance(exc.__cause__, OperationalError | InterfaceError | PoolTimeoutError)
                if not passing or time.monotonic() >= end:
                    raise
                log.warning("what became of a message could not be noted yet: %s", exc)
            time.sleep(LOOK_SECONDS)
            self._extend()


def _behind(site: Site, names: set[str]) -> set[str]:
    """Add to servers the receivers behind them."""
    return names | {target for target, server in successors.servers(site).items() if server in names}


def _limits(session: Session, site: Site, gate: Gate) -> tuple[list[str], list[str]]:
    """Return the targets that have had what their limit lets out, and those with a reserve left.

    What is due for the former becomes a digest; without digests the last of a limit is for what is urgent.
    """
    spent, reserved = [], []
    for target in site.router.options:
        limit = site.router.limit(target)
        if not limit:
            continue
        most, seconds = limit
        sent, flying = digests.used(session, target, seconds, gate.now)
        folds = target.partition(":")[0] in HEAR_DIGESTS
        if sent >= most and folds:
            digests.fold(session, target, gate.now, gate.passes)
        if sent + flying >= most:
            spent.append(target)
        elif not folds and sent + flying >= most - int(most * RESERVE):
            reserved.append(target)
    return spent, reserved


def _send(site: Site, flight: Flight) -> None:
    receiver = successors.receiver_of(site, flight.target)
    if receiver is None:
        raise NotifyError(f"{flight.target} is no longer set up", permanent=True)
    note = Notification.from_payload(flight.claimed.payload)
    title = site.router.options.get(flight.target, {}).get("title", "")
    if title:
        note = replace(note, headline=fill(title, {name: getattr(note, name) for name in VARIABLES}))
    receiver.send(note, flight.target.partition(":")[2])


def _fall_back(
    session: Session, site: Site, number: int, receiver: str, payload: dict[str, Any], now: float
) -> None:
    """Tell the fallback receiver in the place of one that takes nothing; once an incident."""
    targets = site.router.fallback_targets(receiver)
    if not targets:
        return
    told = {message.receiver for message in reports.messages(session, number)}
    untold = [each for each in targets if each not in told]
    row = session.get_one(IncidentRow, number)
    if not untold or row.phase != "open":
        return
    record(session, row, "fallback", f"{receiver} cannot be reached: {', '.join(untold)}", now)
    dues = [Due(target, now, 0, site.router.fallback) for target in untold]
    fresh = {name: value for name, value in payload.items() if name != "at"}
    outbox.enqueue_open(session, row, dues, fresh, now)
    session.flush()
