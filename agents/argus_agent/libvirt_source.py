"""Asks libvirtd for its guests: reconnects by itself and never lets a libvirtd that hangs stop a cycle.

Three workers, each with a connection of its own.  *bulk* makes one virConnectGetAllDomainStats a cycle.
When that does not return in time, *probe* asks for the groups that need no QEMU: an answer means that a
guest's QEMU hangs, none means that libvirtd does.  Then *spare* asks for the other guests in full: a hung
guest costs its neighbours nothing.  *probe* also reads domain XML, which is cached.
"""

from __future__ import annotations

import logging
import queue
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import libvirt

from argus_agent.guests import PAUSED, PAUSED_IOERROR, Definition, Guest, LibvirtView, parse_definition
from argus_agent.libvirt_connection import Connection, guests_of, start_event_loop
from argus_agent.libvirt_events import EventListener
from argus_agent.libvirt_lanes import DetailLane, SlowLane
from argus_agent.worker import Call, Stuck, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

log = logging.getLogger(__name__)

CHEAP_GROUPS = ("STATE", "INTERFACE")
NOWAIT = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
DEFINITION_MAX_AGE = 300.0
DEFINITIONS_PER_CYCLE = 100
RETRY_AFTER = 40.0  # for a domain whose XML did not come: no multiple of usual intervals


@dataclass(frozen=True, slots=True)
class _Answer:
    guests: tuple[Guest, ...]
    seconds: float
    version: str
    hypervisor: str


class _Domains:
    """Calls about domains, on a connection that is used by one thread only."""

    def __init__(self, uri: str, seconds: dict[str, float], hung_after: float) -> None:
        self._connection = Connection(uri, seconds)
        self._hung_after = hung_after

    def stats(self, groups: int, flags: int, kind: str = "stats") -> _Answer:
        """Return all domains.  Raises ``libvirt.libvirtError``."""
        with self._connection.call(kind) as conn:
            records = conn.getAllDomainStats(groups, flags)
        return _Answer(guests_of(records), self._connection.took(kind), *self._connection.versions)

    def probe(self, groups: int, flags: int) -> tuple[_Answer, frozenset[str]]:
        """Return all domains without asking a QEMU, and the UUIDs of those whose QEMU does not hang."""
        answer = self.stats(groups, flags, "probe")
        return answer, self.responsive(answer.guests)

    def responsive(self, guests: tuple[Guest, ...]) -> frozenset[str]:
        """Return the UUIDs of the guests whose QEMU does not hang."""
        return frozenset(guest.uuid for guest in guests if self._is_responsive(guest))

    def _is_responsive(self, guest: Guest) -> bool:
        """Ask virDomainGetControlInfo: a monitor that is merely in use has been so for milliseconds."""
        if not guest.active:
            return True
        try:
            with self._connection.call("control") as conn:
                state, _, for_ms = conn.lookupByUUIDString(guest.uuid).controlInfo(0)
        except libvirt.libvirtError as error:
            log.debug("control of guest %s: %s", guest.uuid, error)  # it ended since
            return False
        in_use = state in (libvirt.VIR_DOMAIN_CONTROL_JOB, libvirt.VIR_DOMAIN_CONTROL_OCCUPIED)
        return bool(state == libvirt.VIR_DOMAIN_CONTROL_OK or (in_use and for_ms < 1000 * self._hung_after))

    def stats_of(self, uuids: frozenset[str], groups: int, flags: int) -> dict[str, Any]:
        """Return the statistics of some domains.  Raises ``libvirt.libvirtError``."""
        with self._connection.call("stats_of_some") as conn:
            domains = [d for d in conn.listAllDomains() if d.UUIDString() in uuids]
            records = conn.domainListGetStats(domains, groups, flags) if domains else []
        return {domain.UUIDString(): stats for domain, stats in records}

    def xml(self, uuid: str) -> str | None:
        """Return a domain's XML; ``None`` when there is no such domain any more."""
        try:
            with self._connection.call("definition") as conn:
                return str(conn.lookupByUUIDString(uuid).XMLDesc(0))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise


@dataclass(slots=True)
class _Cached:
    running_id: int
    read_at: float
    definition: Definition | None


class LibvirtSource:
    """One libvirtd.  ``start`` begins a cycle's call and ``finish`` takes what came of it, never raising."""

    def __init__(self, uri: str, timeout: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        start_event_loop()
        self._timeout = timeout
        self._monotonic = monotonic
        self._seconds: dict[str, float] = {}
        self.events = EventListener(uri, self._seconds, monotonic)
        self._details = DetailLane(uri, self._seconds)
        self._slow = SlowLane(uri, self._seconds, monotonic)
        self._bulk, self._probe, self._spare = (
            _Domains(uri, self._seconds, hung_after=timeout / 2) for _ in range(3)
        )
        self._bulk_worker, self._probe_worker, self._spare_worker = (
            Worker(f"libvirt-{name}") for name in ("bulk", "probe", "spare")
        )
        self._mask = 0
        self._definitions: dict[str, _Cached] = {}
        self._fetched: queue.SimpleQueue[tuple[str, _Cached]] = queue.SimpleQueue()  # by the probe's worker
        self._last_success: float | None = None
        self._call: Call[_Answer] | Stuck | None = None
        self._begun = 0.0

    def start(self, groups: Iterable[str]) -> None:
        """Begin asking for these groups of virDomainStatsTypes, without those that this libvirt lacks."""
        self.events.ensure()
        self._mask = _mask(groups)
        self._begun = self._monotonic()
        try:
            self._call = self._bulk_worker.start(lambda: self._bulk.stats(self._mask, NOWAIT))
        except Stuck as stuck:
            self._call = stuck

    def finish(self, with_jobs: Collection[str] = ()) -> LibvirtView:
        """Wait for the answer until the deadline and return what is known.

        ``with_jobs`` are the guests that are being migrated, saved or the like.
        """
        view = self._answer()
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
        known = None if view.guests is None else {guest.uuid for guest in guests}
        # A guest that runs has no disk error: QEMU forgets it when the guest is resumed.
        failed = [g.uuid for g in guests if (g.state, g.reason) == (PAUSED, PAUSED_IOERROR)]
        jobs = [guest.uuid for guest in guests if guest.uuid in with_jobs]
        return replace(
            view,
            events=self.events.events(known),
            details=self._details.ask(jobs, failed, self._timeout / 2) if view.complete else {},
            slow=self._slow.facts() if view.up else None,
            calls=dict(self._seconds),
        )

    def _answer(self) -> LibvirtView:
        try:
            if self._call is None or isinstance(self._call, Stuck):
                raise self._call or Stuck("not asked")
            left = self._begun + self._timeout - self._monotonic()
            return self._checked(_view(self._call.result(max(0.0, left)), self._begun, complete=True))
        except Stuck:
            return self._partial_answer()
        except libvirt.libvirtError as error:
            return LibvirtView(up=False, error=str(error))

    def _checked(self, view: LibvirtView) -> LibvirtView:
        """Find guests whose QEMU hangs for somebody else: NOWAIT passes over them without a word."""
        suspects = tuple(guest for guest in view.guests or () if guest.here and guest.passed_over)
        if not suspects:
            return view
        try:
            call = self._probe_worker.start(lambda: self._probe.responsive(suspects))
            well = call.result(self._timeout / 2)
        except (Stuck, libvirt.libvirtError) as error:
            log.debug("control of %d guests: %s", len(suspects), error)
            well = frozenset()
        hung = sum(guest.uuid not in well for guest in suspects)
        if not hung:
            return view  # they were busy for a moment
        error_text = "a guest's QEMU hangs: another client of libvirt waits for it"
        return replace(view, complete=False, error=error_text, unresponsive=hung)

    def _partial_answer(self) -> LibvirtView:
        """Tell a hung QEMU from a hung libvirtd, and get what can be had."""
        silence = f"no answer within {self._timeout:g} s"
        cheap = _mask(CHEAP_GROUPS)
        try:
            call = self._probe_worker.start(lambda: self._probe.probe(cheap, NOWAIT))
            answer, responsive = call.result(self._timeout / 2)
        except Stuck:
            return LibvirtView(up=False, error=f"libvirtd hangs: {silence}")
        except libvirt.libvirtError as error:
            return LibvirtView(up=False, error=str(error))
        full = self._stats_of(responsive)
        guests = tuple(replace(g, stats={**g.stats, **full.get(g.uuid, {})}) for g in answer.guests)
        view = _view(replace(answer, guests=guests), self._begun, complete=False)
        hung = sum(guest.uuid not in responsive for guest in guests)
        return replace(view, error=f"a guest's QEMU hangs: {silence}", call_seconds=None, unresponsive=hung)

    def _stats_of(self, uuids: frozenset[str]) -> dict[str, Any]:
        try:
            call = self._spare_worker.start(lambda: self._spare.stats_of(uuids, self._mask, NOWAIT))
            return call.result(self._timeout / 2)
        except (Stuck, libvirt.libvirtError) as error:  # one more hangs; it is noticed in the next cycle
            log.debug("statistics of %d guests: %s", len(uuids), error)
            return {}

    def _defined(self, guest: Guest) -> Guest:
        cached = self._definitions.get(guest.uuid)
        return replace(guest, definition=cached.definition) if cached else guest

    def _read_definitions(self, guests: tuple[Guest, ...]) -> None:
        """Refresh what is missing, of another run, of other devices, or old; waits a moment at most."""
        self._take_fetched()
        here = {guest.uuid for guest in guests}
        changed = self.events.take_redefined()
        self._definitions = {
            uuid: replace(cached, read_at=float("-inf")) if uuid in changed else cached
            for uuid, cached in self._definitions.items()
            if uuid in here
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


def _view(answer: _Answer, begun: float, *, complete: bool) -> LibvirtView:
    return LibvirtView(
        up=True,
        guests=answer.guests,
        complete=complete,
        at=begun,
        call_seconds=answer.seconds,
        unresponsive=0,
        version=answer.version,
        hypervisor=answer.hypervisor,
    )


def _mask(groups: Iterable[str]) -> int:
    mask = 0
    for group in groups:
        mask |= getattr(libvirt, f"VIR_DOMAIN_STATS_{group}", 0)
    return mask
