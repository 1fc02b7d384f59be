"""What runs how often: the one table behind Celery's beat and ``argus run``."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus import (
    auditing,
    capacity_source,
    cycle,
    delivery,
    following,
    guests,
    probing,
    reminders,
    reporting,
    services_source,
    watching,
)
from argus.errors import ArgusError
from argus.store import progress, retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.site import Site

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something done over and over.

    ``run`` returns whether it did anything, or left it to another process; ``every`` tells the seconds
    between two runs; ``limit`` is how long, in seconds, a Celery worker lets it run.
    """

    name: str
    run: Callable[[Site], bool]
    every: Callable[[Any], float]
    limit: float


def maintain(site: Site) -> bool:
    """Delete what is older than ``[database] keep_days``; let the database look at what it has."""
    with site.store.write() as session:
        deleted = retention.prune(session, site.clock() - site.keep_seconds)
    site.store.optimize()
    if deleted:
        log.info("deleted %s old rows", deleted)
    return True


def watch(site: Site) -> bool:
    """Run a cycle before its time when there is something to tell."""
    return watching.wakes(site) and Performer(site).perform(BY_NAME["correlate"])


JOBS = (
    Job("watch", watch, lambda conf: float(conf.correlator.watch_interval), 300),
    Job("correlate", cycle.correlate, lambda conf: float(conf.correlator.interval), 300),
    Job("deliver", delivery.deliver, lambda conf: float(conf.correlator.deliver_interval), 600),
    Job("remind", reminders.remind, lambda _conf: 15.0, 120),
    Job("receivers", probing.probe, lambda _conf: probing.EVERY, 120),
    Job("audit", auditing.run, lambda _conf: 60.0, 120),
    Job("maintain", maintain, lambda _conf: 3600.0, 300),
    Job("report", reporting.report, lambda _conf: 30.0, 120),
    Job("follow", following.follow, lambda conf: float(conf.correlator.interval), 300),
    Job("services", services_source.probe, lambda conf: float(conf.services.interval), 300),
    Job("user_check", services_source.check_as_user, lambda _conf: 30.0, 3000),
    Job("capacity", capacity_source.refresh_all, capacity_source.retry_every, 1800),
    Job("guests", guests.keep_guests, lambda conf: float(conf.guests.interval), 900),
)
BY_NAME = {job.name: job for job in JOBS}


@dataclass(frozen=True, slots=True)
class Performer:
    """Runs jobs, writes down how they went, and says each trouble once, not every few seconds."""

    site: Site
    troubles: dict[str, str] = field(default_factory=dict)

    def perform(self, job: Job) -> bool:
        """Run a job once; returns whether it succeeded.  Never raises: the next run is the retry."""
        started, monotonic = self.site.clock(), time.monotonic()
        try:
            done = job.run(self.site)
        except ArgusError as exc:
            self._failed(job, started, monotonic, str(exc))
            return False
        except Exception as exc:  # the boundary: a mistake in one job must not end the others
            log.exception("%s failed", job.name)
            self._failed(job, started, monotonic, f"{type(exc).__name__}: {exc}")
            return False
        if self.troubles.pop(job.name, ""):
            log.warning("%s works again", job.name)
        if done:
            self._note(job, started, time.monotonic() - monotonic)
        return True

    def _failed(self, job: Job, started: float, monotonic: float, error: str) -> None:
        if self.troubles.get(job.name) != error:
            log.error("%s: %s", job.name, error)
        self.troubles[job.name] = error
        self._note(job, started, time.monotonic() - monotonic, error)

    def _note(self, job: Job, started: float, seconds: float, error: str = "") -> None:
        try:
            with self.site.store.write() as session:
                progress.note(session, job.name, started, seconds, error)
        except ArgusError as exc:
            log.debug("%s: progress not noted: %s", job.name, exc)
