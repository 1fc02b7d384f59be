"""Memory of the node. Shares leave the huge page pool out: it is never 'available', used or not."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Macro, Metric, Severity, Subsystem, Trigger, Unit

_memory = partial(Metric, "memory", unit=Unit.BYTES)
_MEMINFO = "/proc/meminfo "

TOTAL = _memory(
    "total_bytes",
    "Memory of the node. Less than before: a module failed, or the kernel set some aside.",
    _MEMINFO + "MemTotal",
)
AVAILABLE = _memory(
    "available_bytes",
    "Memory that can be had without swapping. Near 0 the kernel swaps guests out or kills one.",
    _MEMINFO + "MemAvailable",
)
FREE = _memory(
    "free_bytes",
    "Memory that nothing uses. Little of it is usual: see what is available.",
    _MEMINFO + "MemFree",
    shown=False,
)
BUFFERS = _memory(
    "buffers_bytes",
    "Block device buffers: given back when memory is needed.",
    _MEMINFO + "Buffers",
    shown=False,
)
CACHED = _memory(
    "cached_bytes",
    "Page cache and slabs that can be reclaimed, as free(1) counts them.",
    _MEMINFO + "Cached + SReclaimable",
    shown=False,
)
HUGETLB = _memory("hugetlb_bytes", "Memory set aside in huge page pools of all sizes.", _MEMINFO + "Hugetlb")
SWAP_TOTAL = _memory(
    "swap_total_bytes",
    "Swap space: what is left before the kernel has to kill.",
    _MEMINFO + "SwapTotal",
    shown=False,
)
SWAP_USED = _memory(
    "swap_used_bytes", "Swap space in use: guests that were swapped out crawl.", _MEMINFO + "SwapFree"
)
AVAILABLE_RATIO = Metric(
    "memory",
    "available_ratio",
    "Share of the memory outside of huge page pools that can be had without swapping.",
    "agent, MemAvailable / (MemTotal - Hugetlb)",
    unit=Unit.RATIO,
)
MIN = Macro("ARGUS.NODE.MEMORY.AVAILABLE.MIN", "5", "Percent of the node's memory that must stay available.")

SUBSYSTEM = Subsystem(
    "node_memory",
    "Node memory",
    (
        TOTAL,
        AVAILABLE,
        FREE,
        BUFFERS,
        CACHED,
        HUGETLB,
        SWAP_TOTAL,
        SWAP_USED,
        AVAILABLE_RATIO,
    ),
    triggers=(
        Trigger(
            "node_memory_low",
            "Memory of the node is nearly used up",
            (AVAILABLE_RATIO,),
            "max(@1,5m)<{$ARGUS.NODE.MEMORY.AVAILABLE.MIN}",
            Severity.AVERAGE,
            "capacity",
            "The kernel will swap or kill a guest soon. Move guests away; check reserved_host_memory_mb and "
            "ram_allocation_ratio of Nova against what QEMU needs beside the guests' own memory.",
            recovery="min(@1,5m)>{$ARGUS.NODE.MEMORY.AVAILABLE.MIN}",
            event_name="Memory of the node is nearly used up (under {$ARGUS.NODE.MEMORY.AVAILABLE.MIN}%)",
            opdata="Available: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "node_memory_low_soon",
            "Memory of the node will be used up soon",
            (AVAILABLE_RATIO,),
            "max(@1,10m)<{$ARGUS.NODE.MEMORY.PREDICT.BELOW} and "
            "timeleft(@1,1h,0)<{$ARGUS.NODE.MEMORY.TIMELEFT.MIN.WARN}",
            Severity.WARNING,
            "capacity",
            "At the pace of the last hour no memory is left soon; then the kernel swaps guests out or kills "
            "one. See which guest or process grows (argus_guest_process_rss_bytes), and move guests away.",
            recovery="min(@1,10m)>{$ARGUS.NODE.MEMORY.PREDICT.BELOW} or "
            "timeleft(@1,1h,0)>2*{$ARGUS.NODE.MEMORY.TIMELEFT.MIN.WARN}",
            event_name="Memory of the node is used up in less than {$ARGUS.NODE.MEMORY.TIMELEFT.MIN.WARN}",
            opdata="Available: {ITEM.LASTVALUE1}",
            depends_on=("node_memory_low",),
        ),
    ),
    macros=(
        MIN,
        Macro("ARGUS.NODE.MEMORY.TIMELEFT.MIN.WARN", "2h", "Memory that is used up before is told of."),
        Macro(
            "ARGUS.NODE.MEMORY.PREDICT.BELOW",
            "20",
            "Percent of memory available; with more nothing is predicted.",
        ),
    ),
    graphs=(Graph("Node memory", (TOTAL, AVAILABLE, HUGETLB, SWAP_USED)),),
)
