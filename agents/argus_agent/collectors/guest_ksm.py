"""Page merging of each guest, from /proc/PID/ksm_stat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.guest_ksm import FIELDS
from argus_agent.cycle import Cycle, NoData
from argus_agent.kernel.files import read
from argus_agent.kernel.process import parse_counters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample


class GuestKsm:
    """Kernel 6.1 or later with CONFIG_KSM; the file is readable for root and for CAP_SYS_PTRACE."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield pages and bytes by guest."""
        if not (cycle.host.procfs / "self/ksm_stat").exists():
            raise NoData("kernel before 6.1, or without CONFIG_KSM")
        for process in cycle.running():
            try:
                text = read(f"{cycle.host.procfs}/{process.guest.pid}/ksm_stat")
            except (FileNotFoundError, ProcessLookupError):
                continue
            counters = parse_counters(text)
            for name, metric in FIELDS.items():
                if name in counters:
                    yield metric.sample(counters[name], process.guest.uuid)
