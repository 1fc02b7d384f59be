"""Limits of a guest's disks (QoS), how near it is to them, and how the disks are set up."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import DISK, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_disk = partial(Metric, "disk", entity=DISK)
_bytes = partial(_disk, unit=Unit.BYTES, per_second=True, shown=False)
_ops = partial(_disk, per_second=True, shown=False)
_TUNE = "domain XML, disk/iotune/"

USED = _disk(
    "limit_used_ratio",
    "How much of its tightest limit the disk used over the agent's last interval; of a limit that disks "
    "share (group_name, throttle filters), all of them together. At 100 % the guest waits for its own limit, "
    "not for storage; bursts may go above. Where large requests count as several (size_iops_sec), at least "
    "so much. Absent without a limit.",
    "agent, from block.N.* and iotune",
    unit=Unit.RATIO,
)
TOTAL_BYTES = _bytes(
    "limit_total_bytes",
    "Limit of bytes read and written per second: of the volume type, or the flavor.",
    _TUNE + "total_bytes_sec",
)
READ_BYTES = _bytes(
    "limit_read_bytes",
    "Limit of bytes read per second: of the volume type, or the flavor.",
    _TUNE + "read_bytes_sec",
)
WRITE_BYTES = _bytes(
    "limit_write_bytes",
    "Limit of bytes written per second: of the volume type, or the flavor.",
    _TUNE + "write_bytes_sec",
)
TOTAL_OPS = _ops(
    "limit_total_ops",
    "Limit of reads and writes per second: of the volume type, or the flavor.",
    _TUNE + "total_iops_sec",
)
READ_OPS = _ops(
    "limit_read_ops",
    "Limit of reads per second: of the volume type, or the flavor.",
    _TUNE + "read_iops_sec",
)
WRITE_OPS = _ops(
    "limit_write_ops",
    "Limit of writes per second: of the volume type, or the flavor.",
    _TUNE + "write_iops_sec",
)
BURST_BYTES = _bytes(
    "limit_burst_bytes",
    "Bytes per second allowed in bursts: the disk may pass its limit this far, for a while.",
    _TUNE + "total_bytes_sec_max",
)
BURST_OPS = _ops(
    "limit_burst_ops",
    "Operations per second allowed in bursts: the disk may pass its limit this far, for a while.",
    _TUNE + "total_iops_sec_max",
)
CACHE = _disk(
    "cache",
    "How the node caches the disk. Anything but none or directsync keeps its blocks in memory twice.",
    "domain XML, disk/driver@cache",
    kind=Kind.INFO,
    shown=False,
)
IO = _disk(
    "io",
    "How QEMU does the disk's I/O: threads, native, io_uring. Native wants cache none or directsync.",
    "domain XML, disk/driver@io",
    kind=Kind.INFO,
    shown=False,
)
OVERLAYS = _disk(
    "overlay_depth",
    "Backing images below the disk's own: each one makes reads of old blocks slower. Snapshots that nobody "
    "merged pile up here.",
    "domain XML, disk/backingStore",
)
ERROR = _disk(
    "error",
    "The error that paused the guest. A guest that runs has none: QEMU forgets it when the guest is resumed.",
    "virDomainGetDiskErrors",
    kind=Kind.STATE,
    states={0: "none", 1: "unspecified", 2: "no space left"},
)

# <iotune> word: the limit's metric, and the statistics of block.N that it holds for
LIMITS = {
    "total_bytes_sec": (TOTAL_BYTES, ("rd.bytes", "wr.bytes")),
    "read_bytes_sec": (READ_BYTES, ("rd.bytes",)),
    "write_bytes_sec": (WRITE_BYTES, ("wr.bytes",)),
    "total_iops_sec": (TOTAL_OPS, ("rd.reqs", "wr.reqs")),
    "read_iops_sec": (READ_OPS, ("rd.reqs",)),
    "write_iops_sec": (WRITE_OPS, ("wr.reqs",)),
}
BURSTS = {"total_bytes_sec_max": BURST_BYTES, "total_iops_sec_max": BURST_OPS}

_MOST = '{$ARGUS.GUEST.DISK.LIMIT.MAX.WARN:"{#DISK}"}'

SUBSYSTEM = Subsystem(
    "guest_disk_limit",
    "Disk limits",
    (USED, *(metric for metric, _ in LIMITS.values()), *BURSTS.values(), CACHE, IO, OVERLAYS, ERROR),
    triggers=(
        Trigger(
            "disk_at_limit",
            "Disk {#DISK} is at its limit",
            (USED,),
            f"min(@1,5m)>{_MOST}",
            Severity.WARNING,
            "performance",
            "The disk used all that its QoS allows for 5 minutes: the guest is slow by its own limit, the "
            "storage is not to blame. Its owner may move to a larger volume type or flavor (quota:disk_*).",
            recovery=f"max(@1,5m)<={_MOST}",
            event_name=f"Disk {{#DISK}} is at its limit (over {_MOST}% for 5m)",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,  # of a disk that was taken away no further value comes
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.DISK.LIMIT.MAX.WARN",
            "95",
            "Percent of its limit that a disk may use for 5 minutes; context: vda, vdb.",
        ),
    ),
)
