"""Events of the node's memory management that hurt guests: swapping, direct reclaim, OOM kills, NUMA moves.

https://docs.kernel.org/filesystems/proc.html (vmstat) and mm/vmstat.c
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger

_event = partial(Metric, "vmstat", kind=Kind.COUNTER)


def _source(*fields: str) -> str:
    return "/proc/vmstat, " + " + ".join(fields)


SWAP_IN = _event("swap_in_pages", "Pages read back from swap: a guest waits for each.", _source("pswpin"))
SWAP_OUT = _event(
    "swap_out_pages",
    "Pages written to swap: memory of guests, mostly, which will wait for it. Move guests away.",
    _source("pswpout"),
)
MAJOR_FAULTS = _event(
    "major_faults",
    "Page faults that had to wait for a disk: swap, or programs and images that are read again.",
    _source("pgmajfault"),
)
OOM_KILLS = _event(
    "oom_kills",
    "Processes killed for want of memory; on this node most are guests. dmesg names them.",
    _source("oom_kill"),
    rare=True,
)
DIRECT_SCANS = _event(
    "direct_scans",
    "Pages that allocating tasks had to scan themselves, because kswapd could not keep up.",
    _source("pgscan_direct"),
)
STALLS = _event(
    "allocation_stalls",
    "Allocations that stopped to reclaim memory, over all zones: guests stand still meanwhile. Leave "
    "more free.",
    _source("allocstall_*"),
)
NUMA_MIGRATED = _event(
    "numa_migrated_pages",
    "Pages that automatic NUMA balancing moved; each move unmaps the page from its guest.",
    _source("numa_pages_migrated"),
)

FIELDS = {
    "pswpin": SWAP_IN,
    "pswpout": SWAP_OUT,
    "pgmajfault": MAJOR_FAULTS,
    "oom_kill": OOM_KILLS,
    "pgscan_direct": DIRECT_SCANS,
    "numa_pages_migrated": NUMA_MIGRATED,
}
"""The metric of each field; ``allocation_stalls`` is a sum and has none of its own."""

SUBSYSTEM = Subsystem(
    "node_vmstat",
    "Memory events of the node",
    (*FIELDS.values(), STALLS),
    triggers=(
        Trigger(
            "node_swaps",
            "Node: guests are paged in from swap",
            (SWAP_IN,),
            "min(@1,5m)>{$ARGUS.NODE.SWAPIN.MAX.WARN}",
            Severity.WARNING,
            "performance",
            "Guests wait for pages that were swapped out. Move guests away or lower the memory overcommit.",
            recovery="max(@1,5m)<={$ARGUS.NODE.SWAPIN.MAX.WARN}",
            event_name="Node: guests are paged in from swap (over {$ARGUS.NODE.SWAPIN.MAX.WARN} pages/s)",
            opdata="Pages: {ITEM.LASTVALUE1}",
            depends_on=("node_memory_low",),
        ),
        Trigger(
            "node_oom_kill",
            "Node: a process was killed for want of memory",
            (OOM_KILLS,),
            "last(@1)>0",
            Severity.HIGH,
            "availability",
            "The kernel killed a process, most likely a guest; dmesg names it. Lower the memory overcommit.",
            recovery="max(@1,10m)=0",
            opdata="Processes, when it began: {ITEM.VALUE1}",
            manual_close=True,
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.SWAPIN.MAX.WARN",
            "100",
            "Pages swapped in per second, for five minutes.",
        ),
    ),
    graphs=(
        Graph("Swap", (SWAP_IN, SWAP_OUT, MAJOR_FAULTS)),
        Graph("Memory reclaim and OOM kills", (DIRECT_SCANS, STALLS, OOM_KILLS)),
    ),
)
