"""Transparent huge pages of the node: how they are set, what they cover, and what getting them costs.

https://docs.kernel.org/admin-guide/mm/transhuge.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Kind, Metric, Subsystem, Unit

_thp = partial(Metric, "thp")
_event = partial(_thp, kind=Kind.COUNTER)
_SYSFS = "/sys/kernel/mm/transparent_hugepage/"
_VMSTAT = "/proc/vmstat "

ENABLED = _thp(
    "enabled", "Who gets huge pages: always, madvise or never.", _SYSFS + "enabled", kind=Kind.INFO
)
DEFRAG = _thp(
    "defrag",
    "Who waits for compaction to get one: with always, guests stand still for it; madvise or defer do not.",
    _SYSFS + "defrag",
    kind=Kind.INFO,
)
ANON = _thp(
    "anon_bytes",
    "Anonymous memory (guests, mostly) that is backed by huge pages.",
    "/proc/meminfo AnonHugePages",
    unit=Unit.BYTES,
)
FALLBACK_RATIO = _thp(
    "fault_fallback_ratio",
    "Share of page faults that wanted a huge page and got small ones, over the agent's last interval: "
    "memory is fragmented. Absent without such faults.",
    "agent, from thp_fault_fallback and thp_fault_alloc",
    unit=Unit.RATIO,
)
FAULT_ALLOC = _event(
    "fault_alloc",
    "Huge pages given at a page fault: what those that fell back are to be compared with.",
    _VMSTAT + "thp_fault_alloc",
)
FAULT_FALLBACK = _event(
    "fault_fallback",
    "Page faults that fell back to small pages: memory is fragmented or short.",
    _VMSTAT + "thp_fault_fallback",
)
COLLAPSE = _event(
    "collapse_alloc", "Huge pages that khugepaged made of small ones.", _VMSTAT + "thp_collapse_alloc"
)
COLLAPSE_FAILED = _event(
    "collapse_alloc_failed",
    "Times khugepaged found no huge page to collapse into: memory is fragmented.",
    _VMSTAT + "thp_collapse_alloc_failed",
)
SPLIT = _event(
    "split_page", "Huge pages split again: by KSM, ballooning, swapping or NUMA.", _VMSTAT + "thp_split_page"
)
COMPACT_STALL = _event(
    "compact_stall",
    "Times a task stopped to compact memory itself: a guest stood still meanwhile.",
    _VMSTAT + "compact_stall",
)
COMPACT_FAIL = _event(
    "compact_fail",
    "Such compactions that did not help: the guest stood still for nothing. Reserve huge pages at boot.",
    _VMSTAT + "compact_fail",
)
COMPACT_SUCCESS = _event(
    "compact_success",
    "Such compactions that helped: what the failed ones are to be compared with.",
    _VMSTAT + "compact_success",
    shown=False,
)
SCANS = _event(
    "khugepaged_full_scans",
    "Scans of all memory by khugepaged: what it costs to make huge pages afterwards.",
    _SYSFS + "khugepaged/full_scans",
    shown=False,
)
COLLAPSED = _event(
    "khugepaged_pages_collapsed",
    "Huge pages made by khugepaged since it started.",
    _SYSFS + "khugepaged/pages_collapsed",
    shown=False,
)

SUBSYSTEM = Subsystem(
    "thp",
    "Transparent huge pages",
    (
        ENABLED,
        DEFRAG,
        ANON,
        FALLBACK_RATIO,
        FAULT_ALLOC,
        FAULT_FALLBACK,
        COLLAPSE,
        COLLAPSE_FAILED,
        SPLIT,
        COMPACT_STALL,
        COMPACT_FAIL,
        COMPACT_SUCCESS,
        SCANS,
        COLLAPSED,
    ),
    graphs=(
        Graph(
            "Huge page faults",
            (FAULT_ALLOC, FAULT_FALLBACK, COLLAPSE, COLLAPSE_FAILED, SPLIT, FALLBACK_RATIO),
        ),
        Graph("Anonymous huge pages", (ANON,)),
        Graph("Memory compaction", (COMPACT_STALL, COMPACT_FAIL)),
    ),
)
