"""What merging of identical pages gives and costs one guest.

https://docs.kernel.org/admin-guide/mm/ksm.html#monitoring-ksm-profit (kernel 6.1 and later)
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Graph, Metric, Subsystem, Unit

_ksm = partial(Metric, "ksm", entity=GUEST)
_STAT = "/proc/PID/ksm_stat, "

MERGING = _ksm(
    "merging_pages",
    "Pages of the guest that share a page with others: a write to one has to copy it first.",
    _STAT + "ksm_merging_pages",
)
RMAP = _ksm(
    "rmap_items",
    "Bookkeeping entries ksmd keeps for the guest's pages.",
    _STAT + "ksm_rmap_items",
    shown=False,
)
ZERO = _ksm(
    "zero_pages", "Empty pages of the guest merged with the zero page.", _STAT + "ksm_zero_pages", shown=False
)
PROFIT = _ksm(
    "profit_bytes",
    "Memory saved by merging this guest's pages, less the bookkeeping; below zero it only costs.",
    _STAT + "ksm_process_profit",
    unit=Unit.BYTES,
)

FIELDS = {
    "ksm_merging_pages": MERGING,
    "ksm_rmap_items": RMAP,
    "ksm_zero_pages": ZERO,
    "ksm_process_profit": PROFIT,
}

SUBSYSTEM = Subsystem(
    "guest_ksm",
    "Page merging of the guest",
    tuple(FIELDS.values()),
    graphs=(Graph("Page merging", (MERGING, PROFIT)),),
)
