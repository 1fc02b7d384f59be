"""``argus run``: the whole schedule in one process, without Redis; a thread a job."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from argus.schedule import JOBS, Job, Performer, dated
from argus.store import schema

if TYPE_CHECKING:
    from argus.site import Site

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0  # for jobs that are at work when the signal comes; a mail takes less


def run(conf: Any, site: Site, stop: threading.Event | None = None) -> int:
    """Run all jobs until SIGTERM or SIGINT; each in its own thread, so that one that hangs stops no other.

    Raises ``StoreError`` when the database cannot be used at the start; later that is logged and tried again.
    """
    schema.check(site.store)
    stopping = stop or threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    performer = Performer(dated(conf, site))
    threads = [
        threading.Thread(
            target=_repeat, args=(performer, job, job.every(conf), stopping), name=job.name, daemon=True
        )
        for job in JOBS
    ]
    for thread in threads:
        thread.start()
    log.info("running: %s", ", ".join(f"{job.name} every {job.every(conf):g} s" for job in JOBS))
    while not stopping.wait(1.0):  # with a timeout, so that a signal is seen on every platform
        pass
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            log.warning("%s does not end in time: leaving it; its lease will run out", thread.name)
    log.info("stopped")
    return 0


def _repeat(performer: Performer, job: Job, every: float, stopping: threading.Event) -> None:
    """Run a job at fixed distances; one that takes longer is followed by the next, without a backlog."""
    due = time.monotonic()
    while not stopping.wait(max(0.0, due - time.monotonic())):
        performer.perform(job)
        due = max(due + every, time.monotonic() - every)
