"""Runs the collectors: the only place that catches whatever they raise."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from argus.catalogue import agent
from argus.catalogue.model import Row, Sample, samples_of
from argus_agent.cycle import Allocation, Cycle, Delivery, NoData, Unreadable
from argus_agent.guests import NOT_ASKED, LibvirtView
from argus_agent.kernel.guests import KernelGuests
from argus_agent.kernel.topology import KnownTopology
from argus_agent.page_walks import PageWalks
from argus_agent.storage import EVERYTHING, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from argus_agent.audit.profile import Profile
    from argus_agent.cycle import Collector
    from argus_agent.host import Host
    from argus_agent.kernel.guests import GuestProcess
    from argus_agent.libvirt_source import LibvirtSource

log = logging.getLogger(__name__)

ALL_GUESTS = "all guests"
"""Stands in ``Result.unread`` for guests that cannot be named, as their directory cannot be listed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one cycle brought.  ``at`` is seconds since the epoch.

    ``only``: a cycle between two ticks, which tells of these guests alone, and of the node what is not a sum
    over guests.  ``failed``: a guest failed since the cycle before.  ``unread``: guests that the kernel's
    path could not look at, and why.
    """

    at: float
    told: tuple[Sample | Row, ...]
    libvirt: LibvirtView
    only: frozenset[str] | None = None
    failed: bool = False
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Everything as samples, made anew: for people and tests; sinks take what was told."""
        return tuple(samples_of(self.told))


class Runner:
    """Asks libvirt, runs what does without it meanwhile, then the rest."""

    def __init__(
        self,
        host: Host,
        collectors: Mapping[str, Collector],
        libvirt: LibvirtSource,
        allocation: Allocation,
        units: tuple[str, ...] = (),
        profile: Profile | None = None,
        walks: PageWalks | None = None,
        storage: Storage = EVERYTHING,
    ) -> None:
        self._host = host
        self._collectors = collectors
        self._libvirt = libvirt
        self.allocation = allocation
        self.units = units
        self.profile = profile
        self.walks = walks or PageWalks(host)
        self.storage = storage
        self._groups = frozenset(group for c in collectors.values() for group in c.stats or ())
        self._kernel_guests = KernelGuests(host.rundir / "qemu", host.procfs, host.files, host.monotonic)
        self._restricted = False  # whether libvirt was asked for some guests only
        self._topology = KnownTopology()
        self._said: dict[str, str] = {}  # what was said last about a collector or libvirt

    @property
    def guest_failed(self) -> bool:
        """Whether a guest failed since the last cycle began."""
        return self._libvirt.events.guest_failed

    def watch(self, wake: Callable[[], None]) -> None:
        """From now on call ``wake``, from another thread, for every event of a guest."""
        self._libvirt.events.wake = wake

    def run(self, delivery: Delivery | None = None, *, for_events: bool = False) -> Result:
        """Run one cycle.  Never raises, and never takes much longer than libvirt's timeout.

        ``for_events``: between two ticks, for the sake of the guests that had events.  Only they are asked
        for, and only collectors that look at libvirt's answer run: what the kernel tells of a guest does
        not change by an event, and a storm of events must not cost what ticks do.
        """
        begun = self._host.monotonic()
        touched = self._libvirt.events.take_touched()  # later ones are for the next cycle
        failed = self._libvirt.events.take_failed()
        if not for_events:
            self._host.files.turn()
        only = touched if for_events else None
        running = _Once(self._kernel_guests, only)
        cycle = Cycle(
            self._host,
            self._host.clock(),
            NOT_ASKED,
            self.allocation,
            delivery,
            running,
            self.units,
            self.profile,
            self.storage,
            for_events=for_events,
            unread=running.unread,
            known_topology=self._topology,
            begun=begun,
            walks=self.walks,
            only=touched if for_events else frozenset(),
        )
        if for_events or self._restricted:
            self._libvirt.only, self._restricted = only, for_events
        self._libvirt.start(self._groups)
        told = [] if for_events else self._collect(cycle, with_libvirt=False)
        view = _only(self._finish(cycle), only)
        self._tell("asking libvirt" if view.broken else "libvirtd", view.error, "answers again")
        told += self._collect(replace(cycle, libvirt=view), with_libvirt=True)
        told.append(agent.CYCLE.sample(self._host.monotonic() - begun))
        if not for_events:
            told.append(agent.SAMPLES.sample(_count(told) + 1))
        return Result(cycle.at, tuple(told), view, only, failed, running.left_out)

    def _finish(self, cycle: Cycle) -> LibvirtView:
        try:
            return self._libvirt.finish(_with_jobs(cycle))
        except Exception as error:
            log.debug("asking libvirt", exc_info=error)
            return LibvirtView(up=False, error=f"{type(error).__name__}: {error}", broken=True)

    def _collect(self, cycle: Cycle, *, with_libvirt: bool) -> list[Sample | Row]:
        told: list[Sample | Row] = []
        for name, collector in self._collectors.items():
            if (collector.stats is not None) == with_libvirt:
                told += self._collect_one(name, collector, cycle)
        return told

    def _collect_one(self, name: str, collector: Collector, cycle: Cycle) -> list[Sample | Row]:
        begun = self._host.monotonic()
        told: list[Sample | Row] = []
        ok = True
        cycle.unread.clear()
        cycle.unread_files.clear()
        try:
            told = list(collector.collect(cycle))
            self._tell(name, "", "works again")
        except NoData as reason:
            log.debug("collector %s: %s", name, reason)
            self._tell(name, "", "works again")
        except Exception as error:  # noqa: BLE001 -- a bug or a strange kernel must not cost the others
            ok = False
            self._tell(name, f"{type(error).__name__}: {error}", "works again", failure=error)
        if cycle.for_events:  # whether it works is for ticks to say, in which it looks at everything
            return told
        told.append(agent.SUCCESS.sample(int(ok), name))
        told.append(agent.DURATION.sample(self._host.monotonic() - begun, name))
        told.append(agent.UNREAD.sample(len(cycle.unread), name))
        self._tell_unread(name, cycle.unread)
        told.append(agent.UNREAD_FILES.sample(len(cycle.unread_files), name))
        self._tell_unread_files(name, cycle.unread_files)
        return told

    def _tell_unread(self, name: str, unread: Mapping[str, str]) -> None:
        reason = next(iter(unread.values()), "")
        text = f"cannot read everything of {len(unread)} guests, such as {next(iter(unread), '')}: {reason}"
        who = f"collector {name}"
        if bool(reason) != bool(
            self._said.get(who)
        ):  # that it is more or fewer guests is the metric's to tell
            self._tell(who, text if reason else "", "reads all guests again")

    def _tell_unread_files(self, name: str, unread: Mapping[str, str]) -> None:
        first = next(iter(unread.values()), "")
        text = f"cannot read or understand {len(unread)} files of the node, such as {first}"
        who = f"files of collector {name}"
        if bool(unread) != bool(self._said.get(who)):
            self._tell(who, text if unread else "", "reads all files of the node again")

    def _tell(self, who: str, trouble: str, better: str, failure: Exception | None = None) -> None:
        """Log a change once, not every cycle."""
        before = self._said.get(who, "")
        self._said[who] = trouble
        if trouble and trouble != before:
            log.error("%s: %s", who, trouble)
            log.debug("%s", who, exc_info=failure)
        elif before and not trouble:
            log.info("%s: %s", who, better)


class _Once:
    """The guests as the kernel sees them, read when first asked for; that there are none is kept as well.

    With ``only`` it is these that are read.
    Whoever asks is told in ``unread`` which ones could not be read.
    """

    def __init__(self, guests: KernelGuests, only: Collection[str] | None) -> None:
        self._guests = guests
        self._only = only
        self._found: tuple[GuestProcess, ...] | None = None
        self._nothing: NoData | Unreadable | None = None
        self.unread: dict[str, str] = {}

    @property
    def left_out(self) -> dict[str, str]:
        """The guests that could not be read, and why; all of them where none could be looked for."""
        if isinstance(self._nothing, Unreadable):
            return {ALL_GUESTS: str(self._nothing)}
        return dict(self._guests.unread) if self._found is not None else {}

    def __call__(self) -> tuple[GuestProcess, ...]:
        if self._found is None and self._nothing is None:
            try:
                self._found = self._guests.read(self._only)
            except FileNotFoundError as error:
                self._nothing = NoData(str(error))
            except OSError as error:
                self._nothing = Unreadable(f"guests cannot be looked at: {error}")
        if self._found is None:
            assert self._nothing is not None
            raise type(self._nothing)(str(self._nothing))
        self.unread.update(self._guests.unread)
        return self._found


def _only(view: LibvirtView, only: Collection[str] | None) -> LibvirtView:
    """Leave out guests that were not asked for."""
    if only is None or view.guests is None:
        return view
    return replace(view, guests=tuple(guest for guest in view.guests if guest.uuid in only))


def _count(told: Sequence[Sample | Row]) -> int:
    """How many values there are."""
    rows = [one.values for one in told if isinstance(one, Row)]
    return len(told) - len(rows) + sum(map(len, rows)) - sum([values.count(None) for values in rows])


def _with_jobs(cycle: Cycle) -> frozenset[str]:
    """Guests that are being migrated, saved or the like: libvirt's status files say so at no cost."""
    try:
        return frozenset(process.guest.uuid for process in cycle.running() if process.guest.job)
    except Exception as error:  # noqa: BLE001 -- the kernel's collectors tell; libvirt is asked all the same
        log.debug("jobs of guests are not known: %s", error)
        return frozenset()
