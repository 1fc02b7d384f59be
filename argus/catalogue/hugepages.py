"""The pools of explicit huge pages, by NUMA node and size: what hugepage flavors are placed on.

https://docs.kernel.org/admin-guide/mm/hugetlbpage.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import HUGEPAGE_POOL, HUGEPAGE_SIZE, Graph, Metric, Subsystem

_POOL = "/sys/devices/system/node/node*/hugepages/hugepages-*/"
_pool = partial(Metric, "hugepages", entity=HUGEPAGE_POOL)

TOTAL = _pool(
    "pool",
    "Pages in the pool: what flavors with huge pages can be given of this NUMA node.",
    _POOL + "nr_hugepages",
)
FREE = _pool(
    "free",
    "Pages in the pool that no guest holds. None: no further guest with huge pages fits here.",
    _POOL + "free_hugepages",
)
SURPLUS = _pool(
    "surplus",
    "Pages above the configured size of the pool: they are given back as soon as they are free.",
    _POOL + "surplus_hugepages",
    shown=False,
)
RESERVED = Metric(
    "hugepages",
    "reserved",
    "Pages promised to guests that have not touched them yet: free, but not to give away.",
    "/sys/kernel/mm/hugepages/hugepages-*/resv_hugepages",
    HUGEPAGE_SIZE,
)

FILES = {"nr_hugepages": TOTAL, "free_hugepages": FREE, "surplus_hugepages": SURPLUS}

SUBSYSTEM = Subsystem(
    "hugepages",
    "Huge page pools",
    (*FILES.values(), RESERVED),
    graphs=(Graph("Huge pages of NUMA node {#NUMA_NODE}, {#SIZE}", (TOTAL, FREE)),),
)
