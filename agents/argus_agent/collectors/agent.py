"""The agent about itself: its own process, and how its way to Zabbix fares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from argus import __version__
from argus.catalogue import agent
from argus_agent.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class Agent:
    """Reads its own process, which is not one of the measured machine's when that is a recorded one."""

    stats = None

    def __init__(self) -> None:
        self._process = psutil.Process()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what the agent costs and how many documents went where."""
        times = self._process.cpu_times()
        yield agent.VERSION.sample(__version__)
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
