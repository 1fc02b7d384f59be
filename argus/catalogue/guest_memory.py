"""Memory of a guest: what the node gives it and, where its balloon driver reports, what it does with it."""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_process
from argus.catalogue.model import GUEST, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_gauge = partial(Metric, "memory", entity=GUEST, unit=Unit.BYTES)
_events = partial(Metric, "memory", entity=GUEST, kind=Kind.COUNTER, shown=False)
_BALLOON = "virConnectGetAllDomainStats balloon."
_FRESH = " Absent while the guest's balloon driver does not report."

MAXIMUM = _gauge("max_bytes", "Memory the guest may grow to: what its flavor promises.", _BALLOON + "maximum")
CURRENT = _gauge(
    "current_bytes", "Memory the guest has now; below the maximum it is ballooned.", _BALLOON + "current"
)
RSS = _gauge(
    "rss_bytes",
    "Memory of the QEMU process that is resident on the node, without hugetlbfs pages.",
    _BALLOON + "rss",
)
AVAILABLE = _gauge(
    "available_bytes", "Memory as the guest's kernel sees it (MemTotal)." + _FRESH, _BALLOON + "available"
)
USABLE = _gauge(
    "usable_bytes",
    "Memory the guest could use without swapping (MemAvailable)." + _FRESH,
    _BALLOON + "usable",
)
UNUSED = _gauge(
    "unused_bytes",
    "Memory the guest leaves entirely unused: what a balloon could take at no cost." + _FRESH,
    _BALLOON + "unused",
    shown=False,
)
CACHES = _gauge(
    "disk_caches_bytes",
    "Page cache inside the guest: it is given back when the guest needs it." + _FRESH,
    _BALLOON + "disk_caches",
    shown=False,
)
USED = Metric(
    "memory",
    "used_ratio",
    "Share of the guest's memory that it cannot give up: (available - usable) / available." + _FRESH,
    "agent, from balloon.available and balloon.usable",
    GUEST,
    unit=Unit.RATIO,
)
AGE = Metric(
    "memory",
    "balloon_age_seconds",
    "Age of what the balloon driver reported. Growing: no driver, a hung guest, or no <stats period=>.",
    "agent, from balloon.last-update",
    GUEST,
    unit=Unit.SECONDS,
)
SWAP_IN = Metric(
    "memory",
    "swap_in_bytes",
    "Bytes the guest read back from its own swap. Steady growth: it needs more memory." + _FRESH,
    _BALLOON + "swap_in",
    GUEST,
    Kind.COUNTER,
    Unit.BYTES,
)
SWAP_OUT = Metric(
    "memory",
    "swap_out_bytes",
    "Bytes the guest wrote to its own swap: it needs more memory than it has." + _FRESH,
    _BALLOON + "swap_out",
    GUEST,
    Kind.COUNTER,
    Unit.BYTES,
)
MAJOR_FAULTS = _events(
    "major_faults",
    "Page faults inside the guest that needed I/O: it waits for its disk for want of memory." + _FRESH,
    _BALLOON + "major_fault",
    shown=True,
)
MINOR_FAULTS = _events(
    "minor_faults",
    "Page faults inside the guest without I/O: usual where processes start and memory is taken." + _FRESH,
    _BALLOON + "minor_fault",
)
HUGE_ALLOCATED = _events(
    "hugetlb_allocated",
    "Huge pages the guest allocated from its own pool." + _FRESH,
    _BALLOON + "hugetlb_pgalloc",
)
HUGE_FAILED = _events(
    "hugetlb_failed", "Huge pages the guest wanted and did not get." + _FRESH, _BALLOON + "hugetlb_pgfail"
)

SUBSYSTEM = Subsystem(
    "guest_memory",
    "Memory",
    (
        MAXIMUM,
        CURRENT,
        RSS,
        AVAILABLE,
        USABLE,
        UNUSED,
        CACHES,
        USED,
        AGE,
        SWAP_IN,
        SWAP_OUT,
        MAJOR_FAULTS,
        MINOR_FAULTS,
        HUGE_ALLOCATED,
        HUGE_FAILED,
    ),
    triggers=(
        Trigger(
            "guest_memory_full",
            "Guest has nearly used its memory up",
            (USED,),
            "min(@1,10m)>{$ARGUS.GUEST.MEMORY.USED.MAX}",
            Severity.INFO,
            "capacity",
            "The guest will swap, or its kernel will kill a process. That is its owner's to mend: fewer or "
            "smaller processes, or a larger flavor. Where a balloon holds memory back (Memory given is below "
            "its maximum), give it back: virsh setmem.",
            recovery="max(@1,10m)<0.95*{$ARGUS.GUEST.MEMORY.USED.MAX}",
            event_name="Guest has nearly used its memory up (over {$ARGUS.GUEST.MEMORY.USED.MAX}% for 10m)",
            opdata="Used: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.MEMORY.USED.MAX",
            "95",
            "Percent of its memory that a guest may use, page cache aside.",
        ),
    ),
    graphs=(
        Graph("Guest memory", (MAXIMUM, CURRENT, RSS, AVAILABLE, USABLE)),
        Graph("Guest memory used", (USED, AGE)),
        # What the guest swaps by itself, and what the node swapped of it.
        Graph("Guest swap", (guest_process.SWAP, SWAP_IN, SWAP_OUT)),
        Graph("Guest page faults with I/O", (guest_process.MAJOR_FAULTS, MAJOR_FAULTS)),
    ),
)
