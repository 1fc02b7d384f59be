"""The agent about itself: its own process, and how its way to Zabbix fares."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from argus import __version__
from argus.catalogue import agent
from argus_agent.kernel.files import read_record
from argus_agent.kernel.process import PAGE_BYTES, parse_stat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle


class Agent:
    """Reads its own process, which is not one of the measured machine's when that is a recorded one."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what the agent costs and how many documents went where."""
        yield agent.VERSION.sample(__version__)
        yield agent.RSS.sample(parse_stat(read_record("/proc/self/stat")).rss_pages * PAGE_BYTES)
        yield agent.CPU.sample(time.process_time())
        delivery = cycle.delivery
        if delivery is not None:
            yield agent.SPOOL.sample(delivery.waiting)
            yield agent.DROPPED.sample(delivery.dropped)
            yield agent.SENT.sample(delivery.sent)
            yield agent.REFUSED.sample(delivery.refused)
            yield agent.SEND_ERRORS.sample(delivery.errors)
