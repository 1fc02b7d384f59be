"""What runs how often: the one table behind Celery's beat and ``argus run``."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
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
from argus.correlator.service import USER_CHECK
from argus.errors import ArgusError
from argus.store import progress, retention

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.site import Site

log = logging.getLogger(__name__)

SHORTEST_AGE = 300.0  # seconds: whoever is called for less is called for a restart
INTERVALS = 3  # of a job that may pass without a success


@dataclass(frozen=True, slots=True)
class Job:
    """Something done over and over.

    ``run`` returns whether this run came to its end, even with nothing to do: false is for what another
    process is at and for what the site does not have.  ``every`` tells the seconds between two runs;
    ``limit`` is how long, in seconds, a Celery worker lets it run; ``slowest`` is how long a run takes at
    most on a healthy site; ``wanted`` tells whether the site has what the job is for.
    """

    name: str
    run: Callable[[Site], bool]
    every: Callable[[Any], float]
    limit: float
    slowest: float = 60.0
    wanted: Callable[[Site], bool] = lambda _site: True

    def may_age(self, conf: Any) -> float:
        """Return how old its last success may be, in seconds: three intervals and a run that takes long."""
        return max(SHORTEST_AGE, INTERVALS * self.every(conf) + self.slowest)


def maintain(site: Site) -> bool:
    """Delete what is older than ``[database] keep_days``; let the database look at what it has."""
    with site.store.write() as session:
        deleted = retention.prune(session, site.clock() - site.keep_seconds)
    site.store.optimize()
    if deleted:
        log.info("deleted %s old rows", deleted)
    return True


def has_zabbix(site: Site) -> bool:
    """Tell whether there is a Zabbix whose people are followed."""
    return site.zabbix is not None


def has_services(site: Site) -> bool:
    """Tell whether services are probed."""
    return any(slow.name == "services" for slow in site.slow)


def has_user_check(site: Site) -> bool:
    """Tell whether somebody looks as a user does."""
    return any(slow.name.startswith(USER_CHECK) for slow in site.slow)


def has_capacity(site: Site) -> bool:
    """Tell whether there is a cloud whose capacity is read."""
    return any(isinstance(slow, capacity_source.CapacitySource) for slow in site.slow)


def keeps_guests(site: Site) -> bool:
    """Tell whether hosts of guests are kept in Zabbix."""
    return site.guests is not None


def watch(site: Site) -> bool:
    """Run a cycle before its time when there is something to tell, and send what comes out of it.

    True when nothing happened, too: the look is what the job is for.
    """
    if watching.wakes(site):
        performer = Performer(site)
        if performer.perform(BY_NAME["correlate"]):
            performer.perform(replace(BY_NAME["deliver"], run=delivery.deliver_now))
    return True


JOBS = (
    Job("watch", watch, lambda conf: float(conf.correlator.watch_interval), 300),
    Job("correlate", cycle.correlate, lambda conf: float(conf.correlator.interval), 300),
    Job("deliver", delivery.deliver, lambda conf: float(conf.correlator.deliver_interval), 600),
    Job("remind", reminders.remind, lambda _conf: 15.0, 120),
    Job("receivers", probing.probe, lambda _conf: probing.EVERY, 120),
    Job("audit", auditing.run, lambda _conf: 60.0, 120),
    Job("maintain", maintain, lambda _conf: 3600.0, 300),
    Job("report", reporting.report, lambda _conf: reporting.EVERY, 120),
    Job("follow", following.follow, lambda conf: float(conf.correlator.interval), 300, 60, has_zabbix),
    Job(
        "services", services_source.probe, lambda conf: float(conf.services.interval), 300, 120, has_services
    ),
    Job("user_check", services_source.check_as_user, lambda _conf: 30.0, 3000, 3000, has_user_check),
    Job("capacity", capacity_source.refresh_all, capacity_source.retry_every, 1800, 1800, has_capacity),
    Job("guests", guests.keep_guests, lambda conf: float(conf.guests.interval), 900, 900, keeps_guests),
)
BY_NAME = {job.name: job for job in JOBS}


def dated(conf: Any, site: Site) -> Site:
    """Return the site with how old the success of each job may be; 0 for a job that it does not have."""
    ages = {job.name: job.may_age(conf) if job.wanted(site) else 0.0 for job in JOBS}
    return replace(site, may_age={**ages, progress.EXPORTER: SHORTEST_AGE if conf.exporter.listen else 0.0})


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
