"""Memory of the node. Shares leave the huge page pool out: it is never 'available', used or not."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Macro, Metric, Severity, Subsystem, Trigger, Unit

_memory = partial(Metric, "memory", unit=Unit.BYTES)
_MEMINFO = "/proc/meminfo "

TOTAL = _memory("total_bytes", "Memory of the node.", _MEMINFO + "MemTotal")
AVAILABLE = _memory("available_bytes", "Memory that can be had without swapping.", _MEMINFO + "MemAvailable")
FREE = _memory("free_bytes", "Memory that nothing uses.", _MEMINFO + "MemFree", shown=False)
BUFFERS = _memory("buffers_bytes", "Block device buffers.", _MEMINFO + "Buffers", shown=False)
CACHED = _memory("cached_bytes", "Page cache.", _MEMINFO + "Cached", shown=False)
HUGETLB = _memory("hugetlb_bytes", "Memory set aside in huge page pools of all sizes.", _MEMINFO + "Hugetlb")
SWAP_TOTAL = _memory("swap_total_bytes", "Swap space.", _MEMINFO + "SwapTotal", shown=False)
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
            event_name="Memory of the node is nearly used up (under {$ARGUS.NODE.MEMORY.AVAILABLE.MIN}%)",
            opdata="Available: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(MIN,),
    graphs=(Graph("Node memory", (TOTAL, AVAILABLE, HUGETLB, SWAP_USED)),),
)
