"""What a Celery worker does when nobody wakes it: the broker or beat is gone, and pages must still go out.

Each worker looks once in a while at when the jobs that page last ran, by anybody; SQL knows.  One that is
overdue it runs itself, in its main process, until somebody else runs it again.  Leases keep several of them,
and whoever comes back, from doing a thing twice.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus import config, site
from argus.errors import ArgusError
from argus.schedule import BY_NAME, Job, Performer
from argus.store import reports

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

PAGING = tuple(BY_NAME[name] for name in ("correlate", "deliver", "audit"))
LOOK_SECONDS = 1.0
GRACE_SECONDS = 20.0  # a broker that restarts needs as long until workers and beat are connected again
INTERVALS = 3  # that a job may be missed


@dataclass
class Standby:
    """The jobs that this process has taken over; ``since`` is when it began to look, in seconds."""

    conf: Any
    performer: Performer
    since: float
    mine: dict[str, float | None] = field(default_factory=dict)  # last run known after ours, by job

    def look(self) -> None:
        """Run what is overdue.  Raises ``StoreError`` when the database cannot be asked."""
        last = self._last_runs()
        for job in PAGING:
            if self._is_due(job, last.get(job.name)):
                if job.name not in self.mine:
                    log.warning("nobody runs %s (are Redis and beat up?): running it here", job.name)
                self.performer.perform(job)
                self.mine[job.name] = self._last_runs().get(job.name)

    def _is_due(self, job: Job, last: float | None) -> bool:
        now, every = self.performer.site.clock(), job.every(self.conf)
        if job.name in self.mine:
            if self.mine[job.name] == last:
                return last is None or not 0 <= now - last < every  # in the future: the clock was set back
            del self.mine[job.name]
            log.warning("%s is run by others again", job.name)
        grace = max(GRACE_SECONDS, INTERVALS * every)
        self.since = min(self.since, now)
        if last is None or last > now + grace:  # the clock was set back: what was noted before tells nothing
            last = 0.0
        return now - max(last, self.since) > grace

    def _last_runs(self) -> Mapping[str, float]:
        with self.performer.site.store.read() as session:
            return {row.task: row.last_run for row in reports.progress(session)}


def watch(conf: Any, stop: threading.Event) -> None:
    """Look until told to stop; what fails is logged once and tried again."""
    performer = Performer(site.from_config(conf))
    standby = Standby(conf, performer, performer.site.clock())
    trouble = ""
    while not stop.wait(LOOK_SECONDS):
        try:
            standby.look()
            trouble = ""
        except ArgusError as exc:
            if str(exc) != trouble:
                log.error("standby: %s", exc)  # noqa: TRY400  # a person can mend it: no traceback
            trouble = str(exc)


def start(**_signal: Any) -> None:
    """Begin to look, in a thread of the worker's main process; it ends with the process."""
    arguments = (config.load(), threading.Event())
    threading.Thread(target=watch, args=arguments, name="standby", daemon=True).start()
