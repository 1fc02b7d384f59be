"""Disks of a guest as QEMU sees them: operations, bytes, time, latency, and how full they are.

A series is named by the target device (vda), which is the same on every node.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import DISK, Graph, Kind, Metric, Subsystem, Unit

_disk = partial(Metric, "disk", entity=DISK)
_count = partial(_disk, kind=Kind.COUNTER)
_BLOCK = "virConnectGetAllDomainStats block.N."

READ_OPS = _count("read_ops", "Reads that the guest asked for.", _BLOCK + "rd.reqs")
WRITE_OPS = _count("write_ops", "Writes that the guest asked for.", _BLOCK + "wr.reqs")
FLUSH_OPS = _count(
    "flush_ops", "Cache flushes (fsync, barriers) that the guest asked for.", _BLOCK + "fl.reqs"
)
READ_BYTES = _count("read_bytes", "Bytes read.", _BLOCK + "rd.bytes", unit=Unit.BYTES)
WRITE_BYTES = _count("write_bytes", "Bytes written.", _BLOCK + "wr.bytes", unit=Unit.BYTES)
_time = partial(_count, unit=Unit.SECONDS, shown=False)
READ_TIME = _time("read_seconds", "Time spent in reads; overlapping ones add up.", _BLOCK + "rd.times")
WRITE_TIME = _time("write_seconds", "Time spent in writes; overlapping ones add up.", _BLOCK + "wr.times")
FLUSH_TIME = _time("flush_seconds", "Time spent in flushes.", _BLOCK + "fl.times")
_latency = partial(_disk, unit=Unit.SECONDS)
READ_LATENCY = _latency(
    "read_latency_seconds",
    "Mean time of a read over the agent's last interval; absent without reads.",
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
CAPACITY = _size("capacity_bytes", "Size of the disk as the guest sees it.", _BLOCK + "capacity")
ALLOCATION = _size("allocation_bytes", "Highest byte written so far in a thin image.", _BLOCK + "allocation")
PHYSICAL = _size("physical_bytes", "Space that the image takes from its storage.", _BLOCK + "physical")
SOURCE = _disk(
    "source", "Where the disk is kept: file, block device or network volume.", _BLOCK + "path", kind=Kind.INFO
)
SERIAL = _disk(
    "serial",
    "Serial number; the volume's UUID for Cinder volumes.",
    "domain XML, disk/serial",
    kind=Kind.INFO,
)

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
    ),
    graphs=(
        Graph("Disk operations", (READ_OPS, WRITE_OPS, FLUSH_OPS)),
        Graph("Disk throughput", (READ_BYTES, WRITE_BYTES)),
        Graph("Disk latency", (READ_LATENCY, WRITE_LATENCY, FLUSH_LATENCY)),
    ),
)
