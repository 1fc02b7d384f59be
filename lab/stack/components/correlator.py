"""The correlator: a Celery worker that does the work and a beat that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import Celery
from kombu.exceptions import KombuError

from stack.components.daemon import Daemon
from stack.components.redis import redis_url
from stack.errors import DownError

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab


def _worker(lab: Lab) -> list[str | Path]:
    options = ["--concurrency", "2", "--hostname", "argus@lab", "--loglevel", "INFO"]
    return [lab.bin("celery"), "-A", "argus.app", "worker", *options]


def _beat(lab: Lab) -> list[str | Path]:
    return [lab.bin("celery"), "-A", "argus.app", "beat", "--pidfile=", "--loglevel", "INFO"]


def _ping_worker(lab: Lab) -> str:
    """Ask through the broker, as beat's messages go."""
    with Celery(broker=redis_url(lab)) as app:
        try:
            answers = app.control.ping(timeout=3, limit=1)
        except (KombuError, OSError) as failure:
            raise DownError(f"the broker does not answer: {failure}") from None
    if not answers:
        raise DownError("no Celery worker answers a ping")
    return f"Celery worker {', '.join(name for answer in answers for name in answer)} answers"


def _beat_runs(lab: Lab) -> str:
    return f"Celery beat, pid {lab.processes.pid('beat')}"


WORKER = Daemon("worker", ("argus-setup",), _worker, _ping_worker)
BEAT = Daemon("beat", ("argus-setup", "worker"), _beat, _beat_runs)
