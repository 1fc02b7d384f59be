"""The guest's QEMU process: what it holds of the node's memory, from /proc alone."""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_kvm
from argus.catalogue.model import GUEST, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_process = partial(Metric, "process", entity=GUEST)
_STATUS = "/proc/PID/status, "

RSS = _process(
    "rss_bytes",
    "Memory of the node that QEMU holds, without hugetlbfs. Above the guest's memory: QEMU's own, caches.",
    "/proc/PID/stat, rss",
    unit=Unit.BYTES,
)
SWAP = _process(
    "swap_bytes",
    "Memory of the guest that the node swapped out: each touch waits for a disk.",
    _STATUS + "VmSwap",
    unit=Unit.BYTES,
)
HUGETLB = _process(
    "hugetlb_bytes",
    "Memory in hugetlbfs pages: all of the guest where its flavor asks for them (hw:mem_page_size).",
    _STATUS + "HugetlbPages",
    unit=Unit.BYTES,
)
MAJOR_FAULTS = _process(
    "major_faults",
    "Page faults of QEMU that waited for a disk: the node swapped the guest out, or reads its image through "
    "the page cache.",
    "/proc/PID/stat, majflt",
    kind=Kind.COUNTER,
)
ANON = _process(
    "anon_bytes",
    "Memory of QEMU that is no file's: the guest's own, unless it is shared (memfd, vhost-user) or hugetlb.",
    _STATUS + "RssAnon",
    unit=Unit.BYTES,
)
SHMEM = _process(
    "shmem_bytes",
    "Shared memory of QEMU: the guest's own where another process has to reach it (vhost-user, virtiofs).",
    _STATUS + "RssShmem",
    unit=Unit.BYTES,
)
ANON_HUGE = _process(
    "anon_huge_bytes",
    "Memory in transparent huge pages. Far below its anonymous memory: huge pages fail for this guest.",
    "memory.stat of its control group, anon_thp (v2) or total_rss_huge (v1); without a group of its own "
    "/proc/PID/smaps_rollup, AnonHugePages",
    unit=Unit.BYTES,
)
SHMEM_HUGE = _process(
    "shmem_huge_bytes",
    "Shared memory in transparent huge pages: of guests whose memory is a memfd (vhost-user, virtiofs). Far "
    "below the shared memory: see shmem_enabled of the node.",
    "memory.stat of its control group (v2), shmem_thp; without a group of its own /proc/PID/smaps_rollup, "
    "ShmemPmdMapped",
    unit=Unit.BYTES,
)
GUESTS_RSS = Metric(
    "guests",
    "rss_bytes",
    "Memory of the node that all QEMUs hold together, without hugetlbfs; merged pages count in each.",
    "/proc/PID/stat, rss, summed",
    unit=Unit.BYTES,
)

STATUS = {"VmSwap": SWAP, "HugetlbPages": HUGETLB, "RssAnon": ANON, "RssShmem": SHMEM}

SUBSYSTEM = Subsystem(
    "guest_process",
    "QEMU process of the guest",
    (RSS, *STATUS.values(), MAJOR_FAULTS, ANON_HUGE, SHMEM_HUGE, GUESTS_RSS),
    triggers=(
        Trigger(
            "guest_swapped_by_node",
            "Guest memory is swapped out by the node",
            (SWAP,),
            "min(@1,10m)>{$ARGUS.GUEST.SWAP.MAX.WARN}",
            Severity.WARNING,
            "performance",
            "The node swapped out memory of this guest. Move guests away or lower the memory overcommit.",
            recovery="max(@1,10m)<={$ARGUS.GUEST.SWAP.MAX.WARN}",
            event_name="Guest memory is swapped out by the node (over {$ARGUS.GUEST.SWAP.MAX.WARN})",
            opdata="Swapped: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.SWAP.MAX.WARN", "64M", "Guest memory swapped out by the node before it is a problem."
        ),
    ),
    graphs=(
        Graph("Memory of QEMU", (RSS, ANON, SHMEM, HUGETLB, SWAP)),
        # KVM counts pages where the machine has KVM; QEMU's own are always there.
        Graph(
            "Guest huge pages",
            (ANON_HUGE, SHMEM_HUGE, guest_kvm.PAGES_4K, guest_kvm.PAGES_2M, guest_kvm.PAGES_1G),
        ),
    ),
)
