"""Disks of a guest as QEMU sees them: operations, bytes, time, latency, and how full they are.

A series is named by the target device (vda), which is the same on every node.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_disk_limit
from argus.catalogue.model import DISK, GUEST, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_disk = partial(Metric, "disk", entity=DISK)
_count = partial(_disk, kind=Kind.COUNTER)
_BLOCK = "virConnectGetAllDomainStats block.N."

READ_OPS = _count(
    "read_ops",
    "Reads that the guest asked for. Many small ones are what limits of operations stop first.",
    _BLOCK + "rd.reqs",
)
WRITE_OPS = _count(
    "write_ops",
    "Writes that the guest asked for. Compare them with the limit of its disk, and with its neighbours.",
    _BLOCK + "wr.reqs",
)
FLUSH_OPS = _count(
    "flush_ops", "Cache flushes (fsync, barriers) that the guest asked for.", _BLOCK + "fl.reqs"
)
READ_BYTES = _count(
    "read_bytes",
    "Bytes the guest read. Steadily much of one disk: its page cache is too small for what it works on.",
    _BLOCK + "rd.bytes",
    unit=Unit.BYTES,
)
WRITE_BYTES = _count(
    "write_bytes",
    "Bytes the guest wrote. The largest writer is who makes a shared storage slow for its neighbours.",
    _BLOCK + "wr.bytes",
    unit=Unit.BYTES,
)
_time = partial(_count, unit=Unit.SECONDS, shown=False)
READ_TIME = _time("read_seconds", "Time spent in reads; overlapping ones add up.", _BLOCK + "rd.times")
WRITE_TIME = _time("write_seconds", "Time spent in writes; overlapping ones add up.", _BLOCK + "wr.times")
FLUSH_TIME = _time("flush_seconds", "Time spent in flushes; overlapping ones add up.", _BLOCK + "fl.times")
_latency = partial(_disk, unit=Unit.SECONDS)
READ_LATENCY = _latency(
    "read_latency_seconds",
    "Mean time of a read over the agent's last interval: what the guest waits for its storage. Absent "
    "without reads.",
    "agent, from rd.times and rd.reqs",
)
WRITE_LATENCY = _latency(
    "write_latency_seconds",
    "Mean time of a write over the agent's last interval; absent without writes.",
    "agent, from wr.times and wr.reqs",
)
FLUSH_LATENCY = _latency(
    "flush_latency_seconds",
    "Mean time of a flush over the agent's last interval: what a database's commit waits for.",
    "agent, from fl.times and fl.reqs",
)
_size = partial(_disk, unit=Unit.BYTES)
CAPACITY = _size(
    "capacity_bytes",
    "Size of the disk as the guest sees it: what a thin image may grow to.",
    _BLOCK + "capacity",
)
ALLOCATION = _size(
    "allocation_bytes",
    "Highest byte written so far in a thin image. At the capacity it cannot grow further.",
    _BLOCK + "allocation",
)
PHYSICAL = _size(
    "physical_bytes",
    "Space that the image takes from its storage. Far above what the guest has in files: it does not trim.",
    _BLOCK + "physical",
)
SOURCE = _disk(
    "source", "Where the disk is kept: file, block device or network volume.", _BLOCK + "path", kind=Kind.INFO
)
SERIAL = _disk(
    "serial",
    "Serial number; the volume's UUID for Cinder volumes.",
    "domain XML, disk/serial",
    kind=Kind.INFO,
)
# What sorts guests: Zabbix' tables take one item a host, and no disk has the same name on every guest.
_together = partial(Metric, "disks")
_sum = partial(_together, entity=GUEST, kind=Kind.COUNTER)
ALL_READ_BYTES = _sum(
    "read_bytes",
    "Bytes read from all disks of the guest: who takes most of a shared storage.",
    _BLOCK + "rd.bytes, all disks",
    unit=Unit.BYTES,
)
ALL_WRITE_BYTES = _sum(
    "write_bytes",
    "Bytes written to all disks of the guest: who fills the storage's queue.",
    _BLOCK + "wr.bytes, all disks",
    unit=Unit.BYTES,
)
ALL_READ_OPS = _sum(
    "read_ops",
    "Reads from all disks of the guest: who asks a shared storage for most.",
    _BLOCK + "rd.reqs, all disks",
)
ALL_WRITE_OPS = _sum(
    "write_ops",
    "Writes to all disks of the guest: who asks a shared storage for most.",
    _BLOCK + "wr.reqs, all disks",
)
SLOWEST = _together(
    "slowest_latency_seconds",
    "Mean time of a read, write or flush on the guest's slowest disk over the agent's last interval; absent "
    "while none does anything. High: the disk's own latencies say which it is, and of what.",
    "agent, from rd.times, wr.times, fl.times and their reqs",
    entity=GUEST,
    unit=Unit.SECONDS,
)

_SLOW = '{$ARGUS.GUEST.DISK.LATENCY.MAX.WARN:"{#DISK}"}'


def _all_above(item: str) -> str:
    """Some came and all are above: counts, unlike ``min``, are known where there was nothing to measure."""
    return f'(count({item},5m,"gt",{_SLOW})>0 and count({item},5m,"le",{_SLOW})=0)'


SUBSYSTEM = Subsystem(
    "guest_disk",
    "Disk",
    (
        READ_OPS,
        WRITE_OPS,
        FLUSH_OPS,
        READ_BYTES,
        WRITE_BYTES,
        READ_TIME,
        WRITE_TIME,
        FLUSH_TIME,
        READ_LATENCY,
        WRITE_LATENCY,
        FLUSH_LATENCY,
        CAPACITY,
        ALLOCATION,
        PHYSICAL,
        SOURCE,
        SERIAL,
        ALL_READ_BYTES,
        ALL_WRITE_BYTES,
        ALL_READ_OPS,
        ALL_WRITE_OPS,
        SLOWEST,
    ),
    triggers=(
        Trigger(
            "disk_slow",
            "Disk {#DISK} is slow",
            (READ_LATENCY, WRITE_LATENCY),
            f"{_all_above('@1')} or {_all_above('@2')}",
            Severity.WARNING,
            "performance",
            "Reads or writes of the disk took long for 5 minutes, and the guest waits for them. Not its own "
            "limit (another trigger says so): look at the storage behind it (item source), at other guests "
            "on the same storage (Guests that write most, on the fleet dashboard), and at the node's disks.",
            recovery=f'count(@1,5m,"gt",{_SLOW})=0 and count(@2,5m,"gt",{_SLOW})=0',
            event_name=f"Disk {{#DISK}} is slow (over {_SLOW} s for 5m)",
            opdata="Read: {ITEM.LASTVALUE1}, write: {ITEM.LASTVALUE3}",
            manual_close=True,  # of a disk that was taken away no further value comes
            depends_on=("disk_at_limit",),
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.DISK.LATENCY.MAX.WARN",
            "0.1",
            "Seconds that reads or writes of a disk may take for 5 minutes; context: its name, as vda.",
        ),
    ),
    graphs=(
        Graph("Disk operations", (READ_OPS, WRITE_OPS, FLUSH_OPS, guest_disk_limit.USED)),
        Graph("Disk throughput", (READ_BYTES, WRITE_BYTES)),
        Graph("Disk latency", (READ_LATENCY, WRITE_LATENCY, FLUSH_LATENCY)),
        Graph("Disk space", (CAPACITY, ALLOCATION, PHYSICAL, guest_disk_limit.OVERLAYS)),
    ),
)
