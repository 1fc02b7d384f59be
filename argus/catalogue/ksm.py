"""Kernel same-page merging of the node: state, savings, and what it costs.

https://docs.kernel.org/admin-guide/mm/ksm.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_ksm = partial(Metric, "ksm")
_SYSFS = "/sys/kernel/mm/ksm/"

RUN = _ksm(
    "run",
    "Whether ksmd merges pages. Tuned hosts keep it off: merging costs CPU and breaks huge pages.",
    _SYSFS + "run",
    kind=Kind.STATE,
    states={0: "stopped", 1: "running", 2: "stopped and unmerged"},
)
PAGES_SHARED = _ksm(
    "pages_shared",
    "Shared pages in use: each stands for several, as the pages sharing it tell.",
    _SYSFS + "pages_shared",
)
PAGES_SHARING = _ksm(
    "pages_sharing", "Further sites that share those pages: what merging saves.", _SYSFS + "pages_sharing"
)
PAGES_UNSHARED = _ksm(
    "pages_unshared",
    "Unique pages that are checked again and again: what merging costs for nothing.",
    _SYSFS + "pages_unshared",
)
PAGES_VOLATILE = _ksm(
    "pages_volatile",
    "Pages that change too fast to be merged: looking at them is CPU time for nothing.",
    _SYSFS + "pages_volatile",
)
FULL_SCANS = _ksm(
    "full_scans",
    "Scans of all mergeable areas. Many: ksmd does little but scan; raise sleep_millisecs.",
    _SYSFS + "full_scans",
    kind=Kind.COUNTER,
    shown=False,
)
PROFIT = _ksm(
    "profit_bytes",
    "Memory that merging saves, less its own bookkeeping; below zero it costs more than it saves.",
    _SYSFS + "general_profit",
    unit=Unit.BYTES,
)
KSMD_CPU = _ksm(
    "ksmd_cpu_seconds",
    "CPU time of ksmd: what merging costs. Compare it with the profit.",
    "/proc/PID/stat of ksmd",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
)
_count = partial(_ksm, kind=Kind.COUNTER)
COW = _count(
    "cow_breaks",
    "Writes that had to copy a merged page: what merging costs guests.",
    "/proc/vmstat cow_ksm",
)
SWAPIN_COPY = _count(
    "swap_in_copies",
    "Copies of merged pages made on swap-in: merging and swapping at once is the worst of both.",
    "/proc/vmstat ksm_swpin_copy",
    shown=False,
)
SCANNED = _count(
    "pages_scanned",
    "Pages that ksmd looked at: its CPU time is for these.",
    _SYSFS + "pages_scanned",
    shown=False,
)
ZERO_PAGES = _ksm(
    "zero_pages",
    "Pages of zeros merged with the zero page: memory that guests have freed and not given back.",
    _SYSFS + "ksm_zero_pages",
    shown=False,
)
CHAINS = _ksm(
    "stable_node_chains",
    "Pages merged so often that they have several copies.",
    _SYSFS + "stable_node_chains",
    shown=False,
)
DUPS = _ksm(
    "stable_node_dups",
    "Copies of such pages: the price of max_page_sharing.",
    _SYSFS + "stable_node_dups",
    shown=False,
)
_setting = partial(_ksm, shown=False)
TO_SCAN = _setting(
    "pages_to_scan",
    "Pages that ksmd looks at before it sleeps: more merge sooner and cost more CPU.",
    _SYSFS + "pages_to_scan",
)
SLEEP = _setting(
    "sleep_seconds",
    "How long ksmd sleeps in between: longer costs less CPU and merges later.",
    _SYSFS + "sleep_millisecs",
    unit=Unit.SECONDS,
)
ACROSS = _setting(
    "merge_across_nodes",
    "Whether pages of different NUMA nodes are merged: some guests then read remote memory.",
    _SYSFS + "merge_across_nodes",
    kind=Kind.STATE,
    states={0: "no", 1: "yes"},
)
MAX_SHARING = _setting(
    "max_page_sharing",
    "Sites that may share one copy: higher saves more, and makes migration and swapping of it slow.",
    _SYSFS + "max_page_sharing",
)
USE_ZERO = _setting(
    "use_zero_pages",
    "Whether pages of zeros are merged with the zero page.",
    _SYSFS + "use_zero_pages",
    kind=Kind.STATE,
    states={0: "no", 1: "yes"},
)
ALLOWED = Macro("ARGUS.NODE.KSM.ALLOWED", "0", "Set to 1 where KSM is meant to run.")

SUBSYSTEM = Subsystem(
    "ksm",
    "Kernel same-page merging",
    (
        RUN,
        PAGES_SHARED,
        PAGES_SHARING,
        PAGES_UNSHARED,
        PAGES_VOLATILE,
        FULL_SCANS,
        PROFIT,
        KSMD_CPU,
        COW,
        SWAPIN_COPY,
        SCANNED,
        ZERO_PAGES,
        CHAINS,
        DUPS,
        TO_SCAN,
        SLEEP,
        ACROSS,
        MAX_SHARING,
        USE_ZERO,
    ),
    triggers=(
        Trigger(
            "ksm_running",
            "KSM runs on a tuned node",
            (RUN,),
            "last(@1)=1 and {$ARGUS.NODE.KSM.ALLOWED}=0",
            Severity.INFO,
            "notice",
            "ksmd merges pages: it costs CPU, splits huge pages and lets guests observe each other through "
            "timing. Turn it off (echo 2 > /sys/kernel/mm/ksm/run; systemctl disable ksmtuned), or set "
            "{$ARGUS.NODE.KSM.ALLOWED} to 1 where memory overcommit is wanted.",
            opdata="KSM: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
    ),
    macros=(ALLOWED,),
    graphs=(
        Graph("KSM pages", (PAGES_SHARED, PAGES_SHARING, PAGES_UNSHARED, PAGES_VOLATILE, PROFIT)),
        Graph("KSM cost", (KSMD_CPU, COW)),
    ),
)
