"""The agent about itself: its own process, and how its way to Zabbix fares."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from argus import __version__
from argus.catalogue import agent
from argus_agent.reading import read_text
from argus_agent.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

BOOT_ID = "sys/kernel/random/boot_id"  # drivers/char/random.c


def identity(boot_id: str | None, pid: int) -> str:
    """Return what tells this agent from any other that may use its name."""
    return f"{(boot_id or 'unknown').strip()[:8]}/{pid}"


class Agent:
    """Reads its own process, which is not one of the measured machine's when that is a recorded one."""

    stats = None

    def __init__(self) -> None:
        self._process = psutil.Process()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what the agent costs and how many documents went where."""
        times = self._process.cpu_times()
        yield agent.VERSION.sample(__version__)
        yield agent.IDENTITY.sample(identity(read_text(cycle, cycle.host.procfs / BOOT_ID), os.getpid()))
        yield agent.RSS.sample(self._process.memory_info().rss)
        yield agent.CPU.sample(times.user + times.system)
        yield agent.THREADS_DOWN.sample(len(THREADS.down()))
        yield agent.THREAD_FAILURES.sample(THREADS.failures())
        delivery = cycle.delivery
        if delivery is not None:
            yield agent.SPOOL.sample(delivery.waiting)
            yield agent.DROPPED.sample(delivery.dropped)
            yield agent.SENT.sample(delivery.sent)
            yield agent.REFUSED.sample(delivery.refused)
            yield agent.SEND_ERRORS.sample(delivery.errors)
