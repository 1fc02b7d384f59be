"""Asks libvirtd for its guests: reconnects by itself and never lets a libvirtd that hangs stop a cycle.

Workers, each with a connection of its own.  *bulk* ones ask for all statistics, in one call or in shares.
When one does not return in time, *probe* asks for the groups that need no QEMU: an answer means that a
guest's QEMU hangs, none means that libvirtd does.  Who hangs is skipped from then on, and the others are
asked by workers that are free: a hung guest costs its neighbours one deadline, once.  *retry* asks those that
are skipped now and then, and nobody waits for it.  *probe* also reads domain XML, which is cached.

Between two ticks only the guests in ``only`` are asked for, by one call that finds out nothing about hangs.
"""

from __future__ import annotations

import logging
import queue
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libvirt

from argus_agent.guests import PAUSED, PAUSED_IOERROR, Definition, Guest, LibvirtView, parse_definition
from argus_agent.libvirt_connection import start_event_loop
from argus_agent.libvirt_domains import Answer, Domains
from argus_agent.libvirt_events import EventListener
from argus_agent.libvirt_lanes import DetailLane, SlowLane
from argus_agent.libvirt_shards import Found, Shards, collect
from argus_agent.worker import Call, Stuck, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

log = logging.getLogger(__name__)

CHEAP_GROUPS = ("STATE", "INTERFACE")
DEFINITION_MAX_AGE = 300.0
DEFINITIONS_PER_CYCLE = 100
RETRY_PAUSE = 10.0  # between two calls to guests that hang; each may take libvirt's 30 s
RETRY_AFTER = 40.0  # for a domain whose XML did not come: no multiple of usual intervals


@dataclass(slots=True)
class _Cached:
    running_id: int
    read_at: float
    definition: Definition | None


class LibvirtSource:
    """One libvirtd.  ``start`` begins a cycle's call and ``finish`` takes what came of it, never raising."""

    def __init__(self, uri: str, timeout: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        loop = start_event_loop()
        self._uri = uri
        self._timeout = timeout
        self._monotonic = monotonic
        self._seconds: dict[str, float] = {}
        self.events = EventListener(uri, self._seconds, monotonic, loop)
        self._details = DetailLane(uri, self._seconds)
        self._slow = SlowLane(uri, self._seconds, monotonic)
        self._shards = Shards(self._domains)
        self._probe, self._retry = self._domains(), self._domains()
        self._probe_worker, self._retry_worker = (Worker(f"libvirt-{name}") for name in ("probe", "retry"))
        self._retrying: Call[Answer] | None = None
        self._retry_at = float("-inf")
        self._skipped: frozenset[str] = frozenset()  # guests whose QEMU hangs
        self._hangs = False  # libvirtd, as of the last cycle
        self._count = 0  # guests in the last answer
        self._mask = 0
        self._definitions: dict[str, _Cached] = {}
        self._fetched: queue.SimpleQueue[tuple[str, _Cached]] = queue.SimpleQueue()  # by the probe's worker
        self._last_success: float | None = None
        self._calls: list[Call[Answer]] = []
        self._begun = 0.0
        self._up = False  # as of the last cycle
        self.only: frozenset[str] | None = None
        """Guests that the next cycle is for, of which it asks no others; ``None``: it is for all."""

    def _domains(self) -> Domains:
        return Domains(self._uri, self._seconds, self._timeout / 2, self._monotonic)

    def start(self, groups: Iterable[str]) -> None:
        """Begin asking for these groups of virDomainStatsTypes, without those that this libvirt lacks."""
        self.events.ensure()
        self._mask = _mask(groups)
        self._begun = self._monotonic()
        self._hangs = self._hangs and self._probe_worker.busy
        if self._hangs:  # a new call would hang as well
            self._calls = []
        elif self.only is not None:
            few, hung = self.only - self._skipped, self.only & self._skipped
            self._calls = self._shards.ask_some(self._mask, few, _mask(CHEAP_GROUPS), hung)
        else:
            self._calls = self._shards.ask(self._mask, self._count, without=self._skipped)

    def finish(self, with_jobs: Collection[str] = ()) -> LibvirtView:
        """Wait for the answer until the deadline and return what is known.

        ``with_jobs`` are the guests that are being migrated, saved or the like.
        """
        view = self._answer() if self.only is None else self._answer_of_some(self.only)
        self._up = view.up
        now = self._monotonic()
        if view.up and view.complete:
            self._last_success = now
        age = None if self._last_success is None else now - self._last_success
        if view.guests is not None:
            self._read_definitions(view.guests)
            view = replace(view, guests=tuple(map(self._defined, view.guests)))
        return replace(self._beside(view, with_jobs), last_success_age=age)

    def _beside(self, view: LibvirtView, with_jobs: Collection[str]) -> LibvirtView:
        """Add what other calls than the bulk one tell."""
        guests = view.guests or ()
        known = None if view.guests is None or self.only is not None else {guest.uuid for guest in guests}
        # A guest that runs has no disk error: QEMU forgets it when the guest is resumed.
        failed = [g.uuid for g in guests if (g.state, g.reason) == (PAUSED, PAUSED_IOERROR)]
        jobs = [guest.uuid for guest in guests if guest.uuid in with_jobs]
        slow = self._slow.facts() if view.up else None
        return replace(
            view,
            hypervisor=(slow.hypervisor if slow else "") or view.hypervisor,
            events=self.events.events(known),
            details=self._details.ask(jobs, failed, self._timeout / 2) if view.complete else {},
            slow=slow,
            calls=dict(self._seconds),
            failures=self._slow.failures(),
        )

    def _answer(self) -> LibvirtView:
        left = self._begun + self._timeout - self._monotonic()
        try:
            found = self._collected(max(0.0, left))
        except libvirt.libvirtError as error:
            return LibvirtView(up=False, error=str(error))
        if not found.whole or self._skipped:
            return self._partial_answer(found)
        self._count = len(found.guests)
        return self._checked(_view(found, found.guests, complete=True))

    def _collected(self, patience: float) -> Found:
        try:
            return collect(self._calls, patience)
        finally:
            for call in self._calls:
                call.forget()

    def _answer_of_some(self, only: frozenset[str]) -> LibvirtView:
        """Take what came.  That a few guests are silent says nothing of libvirtd: the next tick looks."""
        try:
            found = self._collected(max(0.0, self._begun + self._timeout / 2 - self._monotonic()))
        except libvirt.libvirtError as error:
            return LibvirtView(up=False, error=str(error))
        if not found.whole:
            error_text = f"no answer about {len(only)} guests within {self._timeout / 2:g} s"
            return LibvirtView(up=self._up, error=error_text)
        return _view(found, found.guests, complete=True)

    def _checked(self, view: LibvirtView) -> LibvirtView:
        """Find guests whose QEMU hangs for somebody else: NOWAIT passes over them without a word."""
        suspects = tuple(filter(_may_be_passed_over, map(self._defined, view.guests or ())))
        if not suspects:
            return view
        try:
            call = self._probe_worker.start(lambda: self._probe.responsive(suspects))
            well = call.result(self._timeout / 2)
        except (Stuck, libvirt.libvirtError) as error:
            log.debug("control of %d guests: %s", len(suspects), error)
            well = frozenset()
        hung = frozenset(guest.uuid for guest in suspects if guest.uuid not in well)
        if not hung:
            return view  # they were busy for a moment
        self._skipped |= hung
        error_text = "a guest's QEMU hangs: another client of libvirt waits for it"
        return replace(view, complete=False, error=error_text, unresponsive=len(hung), hung=hung)

    def _partial_answer(self, found: Found) -> LibvirtView:
        """Tell a hung QEMU from a hung libvirtd, and get what can be had."""
        silence = f"no answer within {self._timeout:g} s"
        try:
            call = self._probe_worker.start(lambda: self._probe.probe(_mask(CHEAP_GROUPS)))
            answer, responsive = call.result(self._timeout / 2)
        except Stuck:
            self._hangs = True
            return LibvirtView(up=False, error=f"libvirtd hangs: {silence}")
        except libvirt.libvirtError as error:
            return LibvirtView(up=False, error=str(error))
        self._count = len(answer.guests)
        active = frozenset(guest.uuid for guest in answer.guests if guest.active)
        self._skipped = (self._skipped | (active - responsive)) & active
        full = {guest.uuid: guest for guest in found.guests}
        full |= self._ask_again(active - full.keys() - self._skipped)
        back = self._ask_skipped(self._skipped & responsive)
        self._skipped -= back.keys()
        full |= back
        guests = tuple(_completed(guest, full.get(guest.uuid)) for guest in answer.guests)
        if active <= full.keys() and not self._skipped:
            return self._checked(_view(answer, guests, complete=True))
        error_text = "a guest's QEMU hangs" if self._skipped else f"libvirtd is slow: {silence}"
        view = _view(answer, guests, complete=False)
        hung = self._skipped
        return replace(view, error=error_text, call_seconds=None, unresponsive=len(hung), hung=hung)

    def _ask_again(self, uuids: Collection[str]) -> dict[str, Guest]:
        """Ask for guests that were in the same call as one that hangs."""
        if not uuids:
            return {}
        try:
            calls = self._shards.ask(self._mask, len(uuids), only=uuids)
            guests = collect(calls, self._timeout / 2).guests
        except libvirt.libvirtError as error:  # it is noticed in the next cycle
            log.debug("statistics of %d guests: %s", len(uuids), error)
            return {}
        return {guest.uuid: guest for guest in guests}

    def _ask_skipped(self, uuids: frozenset[str]) -> dict[str, Guest]:
        """Ask the guests that hung and that nobody waits for now; return those that answer again."""
        now = self._monotonic()
        if self._retrying is None:
            if not uuids or now < self._retry_at or self._retry_worker.busy:
                return {}
            self._retrying = self._retry_worker.start(
                lambda: self._retry.share(self._mask, uuids.__contains__)
            )
        try:
            answer = self._retrying.result(self._timeout / 10)
        except Stuck:
            return {}  # it is looked at again in the next cycle
        except libvirt.libvirtError as error:
            log.debug("statistics of guests that hung: %s", error)
            answer = None
        self._retrying, self._retry_at = None, now + RETRY_PAUSE
        # What libvirt gives after it gave the QEMU up is not its answer.
        well = answer is not None and answer.seconds < self._timeout
        return {guest.uuid: guest for guest in answer.guests} if answer and well else {}

    def _defined(self, guest: Guest) -> Guest:
        cached = self._definitions.get(guest.uuid)
        if cached is None:
            return guest
        # By hand, as it is done for each guest in each cycle: a fifth of what dataclasses.replace takes.
        return Guest(guest.uuid, guest.name, guest.running_id, guest.stats, cached.definition, guest.read_at)

    def _read_definitions(self, guests: tuple[Guest, ...]) -> None:
        """Refresh what is missing, of another run, of other devices, or old; waits a moment at most."""
        self._take_fetched()
        here = {guest.uuid for guest in guests}
        changed = self.events.take_redefined()
        self._definitions = {
            uuid: replace(cached, read_at=float("-inf")) if uuid in changed else cached
            for uuid, cached in self._definitions.items()
            if uuid in here or self.only is not None
        }
        now = self._monotonic()
        wanted = [guest for guest in guests if self._is_wanted(guest, now)][:DEFINITIONS_PER_CYCLE]
        if not wanted or self._probe_worker.busy:
            return
        for guest in wanted:  # one that hangs is not asked for again at once
            old = self._definitions.get(guest.uuid)
            retry_at = now - DEFINITION_MAX_AGE + RETRY_AFTER
            self._definitions[guest.uuid] = _Cached(
                guest.running_id, retry_at, old.definition if old else None
            )
        call = self._probe_worker.start(lambda: self._fetch(wanted, now))
        try:
            call.result(self._timeout / 2)
        except (Stuck, libvirt.libvirtError) as error:
            log.debug("reading definitions of %d guests: %s", len(wanted), error)
        self._take_fetched()

    def _take_fetched(self) -> None:
        while not self._fetched.empty():
            uuid, cached = self._fetched.get()
            self._definitions[uuid] = cached

    def _is_wanted(self, guest: Guest, now: float) -> bool:
        cached = self._definitions.get(guest.uuid)
        if cached is None or cached.running_id != guest.running_id:
            return True
        if now - cached.read_at >= DEFINITION_MAX_AGE:
            return True
        devices = {device for n, device in guest.entries("net") if f"net.{n}.rx.bytes" in guest.stats}
        known = cached.definition.nics.keys() if cached.definition else set()
        return bool(devices - known) and now - cached.read_at >= RETRY_AFTER

    def _fetch(self, guests: list[Guest], now: float) -> None:
        """Read in the probe's worker; each result counts at once, so one that hangs costs only itself."""
        for guest in guests:
            xml = self._probe.xml(guest.uuid)
            if xml is None:
                continue
            try:
                definition = parse_definition(xml)
            except ValueError as error:
                log.warning("guest %s: %s", guest.uuid, error)
                continue
            self._fetched.put((guest.uuid, _Cached(guest.running_id, now, definition)))


def _completed(cheap: Guest, full: Guest | None) -> Guest:
    """Add what only QEMU knows; counters are of the time at which they were read, not of the probe's."""
    if full is None:
        return cheap
    return replace(cheap, stats={**cheap.stats, **full.stats}, read_at=full.read_at)


def _view(told: Answer | Found, guests: tuple[Guest, ...], *, complete: bool) -> LibvirtView:
    return LibvirtView(
        up=True,
        guests=guests,
        complete=complete,
        at=told.at,
        call_seconds=told.seconds,
        unresponsive=0,
        version=told.version,
        hypervisor=told.hypervisor,
    )


def _may_be_passed_over(guest: Guest) -> bool:
    return guest.here and (guest.passed_over or (guest.definition is None and guest.untold))


def _mask(groups: Iterable[str]) -> int:
    mask = 0
    for group in groups:
        mask |= getattr(libvirt, f"VIR_DOMAIN_STATS_{group}", 0)
    return mask
