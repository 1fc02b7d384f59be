"""The Celery application: ``celery -A argus.app worker`` and ``celery -A argus.app beat``."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import Celery, schedules
from celery.signals import beat_init, worker_init

from argus import broker, config, site, standby
from argus.errors import ArgusError
from argus.logs import keep_secrets_out
from argus.schedule import JOBS

if TYPE_CHECKING:
    from datetime import datetime

VISIBILITY_SECONDS = 3600  # a message is given to another worker after this; longer than any task may run
BROKER_TRIES = 100  # about ten minutes without Redis, then the worker ends and systemd starts a new one
# Celery compares the clocks of beat and worker, which may be on two hosts: a message is too old only by more
# than clocks may differ.
CLOCKS_APART = 120.0  # seconds
PUBLISH_RETRY = {"max_retries": 3, "interval_start": 0.1, "interval_step": 0.5, "interval_max": 1.0}


class Steady(schedules.schedule):  # type: ignore[misc]  # celery ships no types
    """An interval by the wall clock, as beat keeps it, which does not wait out a clock that was set back."""

    def is_due(self, last_run_at: datetime) -> Any:
        """See ``celery.schedules.schedule``."""
        last = self.maybe_make_aware(last_run_at)
        return super().is_due(last if last <= self.now() + self.run_every else self.now() - self.run_every)


def make_app(conf: Any) -> Celery:
    """Make the application.  Raises ``ConfigError`` when the broker's URL cannot be read."""
    # celery's own words start at --loglevel (warning), ours say what was decided and sent
    logging.getLogger("argus").setLevel(logging.DEBUG if conf.debug else logging.INFO)
    keep_secrets_out()
    app = Celery("argus", broker=config.broker_url(conf), include=["argus.tasks"])
    transport = {
        "visibility_timeout": VISIBILITY_SECONDS,
        "socket_timeout": 30,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }
    app.conf.update(
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=BROKER_TRIES,
        broker_transport_options=transport,
        visibility_timeout=VISIBILITY_SECONDS,
        task_default_queue=broker.QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_publish_retry_policy=PUBLISH_RETRY,
        worker_prefetch_multiplier=1,
        worker_send_task_events=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=True,
        beat_schedule=schedule(conf),
        beat_schedule_filename=conf.celery.schedule_file,
        beat_max_loop_interval=5,
    )
    worker_init.connect(standby.start)
    beat_init.connect(standby.start)  # with every worker gone, beat pages
    return app


def schedule(conf: Any) -> dict[str, dict[str, Any]]:
    """Return beat's table.  A message that nobody took while several more came is of no use any more.

    Workers that come back after a long time find so many of a job at most; only the first finds much to do.
    """
    return {
        job.name: {
            "task": f"argus.{job.name}",
            "schedule": Steady(timedelta(seconds=job.every(conf))),
            "options": {"expires": job.every(conf) + CLOCKS_APART},
        }
        for job in JOBS
    }


def __getattr__(name: str) -> Any:
    """Make ``app`` when Celery asks for it, so that importing this module reads no configuration."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        conf = config.load()
        site.from_config(conf)  # what cannot work ends it here, in one line, and not in each task
        made = make_app(conf)
    except ArgusError as exc:
        print(f"argus: {exc}", file=sys.stderr)  # noqa: T201  # celery would show a traceback
        raise SystemExit(2) from None
    globals()["app"] = made  # made once: the same name must be the same object
    return made
