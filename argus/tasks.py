"""Celery tasks: each wakes one job of the schedule.  Messages are hints; lost or doubled they do no harm."""

# celery ships no types:
# mypy: disable-error-code="untyped-decorator"
from __future__ import annotations

from functools import cached_property
from typing import Any

from celery import Task, shared_task

from argus import config, site
from argus.schedule import BY_NAME, Performer


class SiteTask(Task):  # type: ignore[misc]  # celery ships no types
    """A task with the installation at hand, made on first use: after the worker has forked."""

    @cached_property
    def performer(self) -> Performer:
        """Return what runs the job; the connections in it belong to this process alone."""
        return Performer(site.from_config(config.load()))


@shared_task(base=SiteTask, bind=True, name="argus.correlate", time_limit=BY_NAME["correlate"].limit)
def correlate(task: Any) -> None:
    """Look at Zabbix and decide."""
    task.performer.perform(BY_NAME["correlate"])


@shared_task(base=SiteTask, bind=True, name="argus.deliver", time_limit=BY_NAME["deliver"].limit)
def deliver(task: Any) -> None:
    """Send what is due."""
    task.performer.perform(BY_NAME["deliver"])


@shared_task(base=SiteTask, bind=True, name="argus.maintain", time_limit=BY_NAME["maintain"].limit)
def maintain(task: Any) -> None:
    """Delete what is old."""
    task.performer.perform(BY_NAME["maintain"])


@shared_task(base=SiteTask, bind=True, name="argus.report", time_limit=BY_NAME["report"].limit)
def report(task: Any) -> None:
    """Tell Zabbix how the correlator does."""
    task.performer.perform(BY_NAME["report"])


@shared_task(base=SiteTask, bind=True, name="argus.guests", time_limit=BY_NAME["guests"].limit)
def guests(task: Any) -> None:
    """Keep the hosts of guests in Zabbix current."""
    task.performer.perform(BY_NAME["guests"])


@shared_task(base=SiteTask, bind=True, name="argus.audit", time_limit=BY_NAME["audit"].limit)
def audit(task: Any) -> None:
    """Prove that what should be told was told."""
    task.performer.perform(BY_NAME["audit"])
