"""Transparent huge pages, from /sys/kernel/mm/transparent_hugepage, /proc/meminfo and /proc/vmstat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from argus.catalogue import thp
from argus_agent.cycle import Deltas, NoData
from argus_agent.derived import quotient
from argus_agent.kernel.meminfo import parse_meminfo
from argus_agent.kernel.process import parse_counters
from argus_agent.reading import read_number, read_parsed, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle

TEXTS = {"enabled": thp.ENABLED, "defrag": thp.DEFRAG}
KHUGEPAGED = {"full_scans": thp.SCANS, "pages_collapsed": thp.COLLAPSED}
VMSTAT = {
    "thp_fault_alloc": thp.FAULT_ALLOC,
    "thp_fault_fallback": thp.FAULT_FALLBACK,
    "thp_collapse_alloc": thp.COLLAPSE,
    "thp_collapse_alloc_failed": thp.COLLAPSE_FAILED,
    "thp_split_page": thp.SPLIT,
    "compact_stall": thp.COMPACT_STALL,
    "compact_fail": thp.COMPACT_FAIL,
    "compact_success": thp.COMPACT_SUCCESS,
}


class Thp:
    """Settings, what is covered, and what it costs."""

    stats = None

    def __init__(self) -> None:
        self._deltas = Deltas()

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what the kernel has; ``NoData`` where it was built without huge pages."""
        base = cycle.host.sysfs / "kernel/mm/transparent_hugepage"
        if not base.is_dir():
            raise NoData(f"{base} does not exist: the kernel has no transparent huge pages")
        for name, metric in TEXTS.items():
            chosen = read_parsed(cycle, base / name, parse_choice)
            if chosen is not None:
                yield metric.sample(chosen)
        for name, metric in KHUGEPAGED.items():
            value = read_number(cycle, base / "khugepaged" / name)
            if value is not None:
                yield metric.sample(value)
        procfs = cycle.host.procfs
        anon = parse_meminfo(read_text(cycle, procfs / "meminfo") or "").get("AnonHugePages")
        if anon is not None:
            yield thp.ANON.sample(anon)
        vmstat = parse_counters(read_text(cycle, procfs / "vmstat") or "")
        yield from (metric.sample(vmstat[name]) for name, metric in VMSTAT.items() if name in vmstat)
        yield from self._fallback(cycle, vmstat)

    def _fallback(self, cycle: Cycle, vmstat: Mapping[str, int]) -> Iterator[Sample]:
        self._deltas.turn(cycle)
        given, denied = (
            self._deltas.grown(name, vmstat.get(name)) for name in ("thp_fault_alloc", "thp_fault_fallback")
        )
        if given is None or denied is None:
            return
        ratio = quotient("", denied.by, given.by + denied.by)
        if ratio is not None:
            yield thp.FALLBACK_RATIO.sample(ratio)


def parse_choice(text: str) -> str:
    """Return the chosen word of a sysfs choice: ``always [madvise] never`` -> ``madvise``.

    Raises ``ValueError`` when none is chosen.
    """
    chosen = re.search(r"\[([^\]]+)\]", text)
    if chosen is None:
        raise ValueError(f"{text.strip()!r} marks none of its words with []")
    return chosen[1]
