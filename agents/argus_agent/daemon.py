"""The daemon: a cycle every interval without drift, until SIGTERM; SIGHUP reads the configuration again."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import socket
import time
from typing import TYPE_CHECKING, Protocol

from argus import __version__
from argus.errors import ConfigError
from argus.zabbix_encryption import UNENCRYPTED
from argus_agent.between_ticks import BetweenTicks
from argus_agent.delivery import Courier
from argus_agent.heap import share_one_arena
from argus_agent.host import Host
from argus_agent.kernel.kept_files import KeptFiles, room_for_descriptors
from argus_agent.kernel.rtnetlink import ask
from argus_agent.parts import load_audit_profile, make_runner
from argus_agent.registrar import ANSWER_SECONDS, Registrar
from argus_agent.registration import Registrations
from argus_agent.servers import Servers
from argus_agent.sinks.prometheus import Prometheus
from argus_agent.sinks.zabbix import Zabbix
from argus_agent.spool import MemorySpool
from argus_agent.watchdog import Watchdog, notify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from argus_agent.runner import Result, Runner
    from argus_agent.settings import Settings
from argus_agent.spool import Spool

log = logging.getLogger(__name__)

LAST_DELIVERY_SECONDS = 3.0
GC_THRESHOLDS = (50_000, 20, 20)
"""A cycle makes ten thousand samples and no circles: with Python's 700, looking for circles takes 6 % of the
CPU time.  It is done after every tenth cycle instead, when most samples are gone."""
COLLECTION_EVERY, FULL_COLLECTION_EVERY = 10, 100
KEPT_FILES, OTHER_FILES = 4096, 512
"""Descriptors: of files that are kept open, 4 kB of the kernel's memory each; and for all else."""


class Sink(Protocol):
    """Takes the result of each cycle; must return at once."""

    def put(self, result: Result) -> None:
        """Take over a cycle."""


class Signals:
    """Signals as flags, and a sleep that they end.

    The handler only notes the number and the wake-up socket ends the sleep: locks in a handler deadlock.
    """

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        self._theirs = theirs
        for end in (self._ours, theirs):
            end.setblocking(False)
        self.stopping = False
        self.reload = False
        self.woken = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        signal.set_wakeup_fd(theirs.fileno())

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stopping = True

    def wake(self) -> None:
        """End the sleep; for other threads.  Also when it was ended before: this may be more urgent."""
        self.woken = True
        with contextlib.suppress(BlockingIOError):  # full: it is awake
            self._theirs.send(b"\0")

    def sleep(self, seconds: float) -> None:
        """Sleep until a signal comes, another thread wakes, or the time is over."""
        if select.select([self._ours], [], [], max(0.0, seconds))[0]:
            with contextlib.suppress(BlockingIOError):
                self._ours.recv(64)


class Daemon:
    """The loop; the parts are made by the caller."""

    def __init__(
        self,
        settings: Settings,
        path: Path | None,
        runner: Runner,
        signals: Signals,
        watchdog: Watchdog | None = None,
    ) -> None:
        self._settings = settings
        self._path = path
        self._runner = runner
        self._signals = signals
        self._watchdog = watchdog or Watchdog(os.environ, os.getpid())
        self._cycles = 0
        self.sinks: list[Sink] = []
        self.courier: Courier | None = None
        self.prometheus: Prometheus | None = None

    def run(self, monotonic: Callable[[], float], cpu: Callable[[], float] = time.process_time) -> None:
        """Run until a signal says to stop.  ``cpu``: seconds of CPU time that this process has used."""
        self._runner.watch(self._signals.wake)
        self._watchdog.allow(self._settings.libvirt_timeout)
        due = monotonic()
        between = BetweenTicks()
        while not self._signals.stopping:
            now, used = monotonic(), cpu()
            woken = self._signals.woken
            extra = between.due(now, woken=woken, urgent=woken and self._runner.guest_failed)
            if now >= due or now >= extra:
                is_tick = now >= due
                failed = self._cycle(for_events=not is_tick)
                ended = monotonic()
                self._watchdog.cycle_done(ended)
                between.ran(now, ended, failed=failed, tick=is_tick, cpu=used)
                due = next_due(due, ended, self._settings.interval) if is_tick else due
            else:
                self._watchdog.alive(now)
                self._signals.sleep(min(due, extra, self._watchdog.due()) - now)
            if self._signals.reload:
                self._reload()
                due = min(due, monotonic() + self._settings.interval)  # no tick waits for the old interval

    def _cycle(self, *, for_events: bool) -> bool:
        """Run one cycle; tells whether a guest failed."""
        self._signals.woken = False  # before it looks: what happens meanwhile is for the next one
        result = self._runner.run(self.courier.status() if self.courier else None, for_events=for_events)
        for sink in self.sinks:
            sink.put(result)
        failed = result.failed
        del result
        self._cycles += 1
        if self._cycles % COLLECTION_EVERY == 0:
            gc.collect(1 if self._cycles % FULL_COLLECTION_EVERY else 2)
        return failed

    def _reload(self) -> None:
        """Take over what can change while running; addresses and names cannot."""
        self._signals.reload = False
        from argus_agent.config import load  # noqa: PLC0415 -- 6 MB that only a reload needs

        try:
            settings = load(self._path)
            profile = load_audit_profile(settings)
        except ConfigError as error:
            log.error("configuration kept as it was: %s", error)  # noqa: TRY400 -- a person's mistake, not a bug
            return
        self._settings = settings
        if self.prometheus is not None:
            self.prometheus.take_interval(settings.interval)
        self._runner.allocation = settings.allocation
        self._runner.units = settings.units
        self._runner.storage = settings.storage
        self._runner.profile = profile
        self._runner.walks.largest = settings.page_walk_bytes
        logging.getLogger().setLevel(logging.DEBUG if settings.debug else logging.INFO)
        log.info("configuration read again; addresses and names take effect at the next start")


def next_due(due: float, now: float, interval: float) -> float:
    """Return when the next cycle is due: on the grid of intervals, passing over those that were missed."""
    missed = int((now - due) // interval)
    return due + (1 + max(0, missed)) * interval


def _spool(settings: Settings) -> Spool:
    if settings.spool_file is None:
        return MemorySpool(settings.spool_values)
    from argus_agent.disk_spool import DiskSpool  # noqa: PLC0415 -- SQLite is 1 MB that memory does without

    return DiskSpool(settings.spool_file, settings.spool_values, settings.spool_bytes)


def _zabbix(settings: Settings, host: Host) -> Zabbix:
    """Make the way to Zabbix.  Raises ``ConfigError`` when the files for TLS cannot be used."""
    secure = None
    if settings.tls.connect != UNENCRYPTED:
        from argus.zabbix_tls import make_secure  # noqa: PLC0415 -- memory that most do without

        secure = make_secure(settings.tls)
    registrations = Registrations(settings.host, host.clock, host.monotonic, settings.resend_seconds)
    spool = _spool(settings)
    servers = Servers(settings.servers, settings.zabbix_timeout, host.monotonic, secure)
    patient = Servers(settings.servers, ANSWER_SECONDS, host.monotonic, secure)
    registrar = Registrar(patient, registrations)
    courier = Courier(servers, spool, registrations, host.clock, registrar)
    return Zabbix(settings.host, spool, registrations, courier, settings.guests)


def run_daemon(settings: Settings, path: Path | None) -> None:
    """Run until SIGTERM.

    Raises ``ConfigError`` when the Prometheus address cannot be had, or the files for TLS cannot be used.
    """
    share_one_arena()  # before there are threads
    signals = Signals()
    gc.set_threshold(*GC_THRESHOLDS)
    files = KeptFiles(room_for_descriptors(KEPT_FILES, OTHER_FILES))
    roots = (settings.procfs, settings.sysfs, settings.rundir)
    host = Host(settings.host, *roots, files=files, link=ask)
    daemon = Daemon(settings, path, make_runner(settings, host), signals)
    if settings.listen is not None:
        prometheus = Prometheus(settings.interval, host.monotonic)
        try:
            prometheus.serve(settings.listen)
        except OSError as error:
            raise ConfigError(f"[prometheus] listen = {settings.listen}: {error.strerror}") from error
        daemon.prometheus = prometheus
        daemon.sinks.append(prometheus)
    if settings.servers:
        sink = _zabbix(settings, host)
        daemon.courier = sink.courier
        daemon.courier.start()
        daemon.sinks.append(sink)
    where = ", ".join(map(str, settings.servers)) or "no Zabbix"
    log.info("argus-agent %s on %s, to %s", __version__, settings.host, where)
    daemon.run(host.monotonic)
    notify("STOPPING=1")
    if daemon.courier:
        daemon.courier.stop(LAST_DELIVERY_SECONDS)
    log.info("stopped")
