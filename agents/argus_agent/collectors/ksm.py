"""Kernel same-page merging, from /sys/kernel/mm/ksm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import ksm
from argus_agent.cycle import NoData
from argus_agent.kernel.process import NamedProcess, parse_counters
from argus_agent.reading import read_number, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

FILES = {
    "run": (ksm.RUN, 1),
    "pages_shared": (ksm.PAGES_SHARED, 1),
    "pages_sharing": (ksm.PAGES_SHARING, 1),
    "pages_unshared": (ksm.PAGES_UNSHARED, 1),
    "pages_volatile": (ksm.PAGES_VOLATILE, 1),
    "full_scans": (ksm.FULL_SCANS, 1),
    "general_profit": (ksm.PROFIT, 1),  # since Linux 6.4
    "pages_scanned": (ksm.SCANNED, 1),
    "ksm_zero_pages": (ksm.ZERO_PAGES, 1),
    "stable_node_chains": (ksm.CHAINS, 1),
    "stable_node_dups": (ksm.DUPS, 1),
    "pages_to_scan": (ksm.TO_SCAN, 1),
    "sleep_millisecs": (ksm.SLEEP, 1e-3),
    "merge_across_nodes": (ksm.ACROSS, 1),
    "max_page_sharing": (ksm.MAX_SHARING, 1),
    "use_zero_pages": (ksm.USE_ZERO, 1),
}
VMSTAT = {"cow_ksm": ksm.COW, "ksm_swpin_copy": ksm.SWAPIN_COPY}


class Ksm:
    """One small file a value; kernels differ in which ones they have."""

    stats = None

    def __init__(self) -> None:
        self._ksmd = NamedProcess("ksmd")

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what the kernel has; ``NoData`` where it was built without KSM."""
        base = cycle.host.sysfs / "kernel/mm/ksm"
        if not base.is_dir():
            raise NoData(f"{base} does not exist: the kernel has no KSM")
        for name, (metric, scale) in FILES.items():
            value = read_number(cycle, f"{base}/{name}")
            if value is not None:
                yield metric.sample(value * scale)
        vmstat = parse_counters(read_text(cycle, f"{cycle.host.procfs}/vmstat") or "")
        yield from (metric.sample(vmstat[name]) for name, metric in VMSTAT.items() if name in vmstat)
        ksmd = self._ksmd.stat(cycle.host.procfs)
        if ksmd is not None:
            yield ksm.KSMD_CPU.sample(ksmd.user_seconds + ksmd.system_seconds)
