"""Celery tasks: each wakes one job of the schedule.  Messages are hints; lost or doubled they do no harm."""

from __future__ import annotations

import dataclasses
from functools import cached_property, partial
from typing import Any

from celery import Task, shared_task

from argus import broker, config, site
from argus.schedule import JOBS, Job, Performer, dated


class SiteTask(Task):  # type: ignore[misc]  # celery ships no types
    """A task with the installation at hand, made on first use: after the worker has forked."""

    @cached_property
    def performer(self) -> Performer:
        """Return what runs the job; the connections in it belong to this process alone."""
        conf = config.load()
        queue = partial(broker.waiting, config.broker_url(conf))
        return Performer(dataclasses.replace(dated(conf, site.from_config(conf)), queue=queue))


def _task(job: Job) -> Any:
    def perform(task: Any) -> None:
        task.performer.perform(job)

    perform.__doc__ = f"Wake the job ``{job.name}``."
    return shared_task(base=SiteTask, bind=True, name=f"argus.{job.name}", time_limit=job.limit)(perform)


TASKS = {job.name: _task(job) for job in JOBS}
