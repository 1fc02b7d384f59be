"""Block devices of the node, as guests share them: the scheduler, and how busy the device is.

https://docs.kernel.org/block/switching-sched.html, https://docs.kernel.org/admin-guide/iostats.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import BLOCK_DEVICE, Graph, Kind, Metric, Subsystem, Unit

_block = partial(Metric, "block", entity=BLOCK_DEVICE)
_count = partial(_block, kind=Kind.COUNTER)
_STAT = "/sys/block/*/stat, "
SECTOR = 512

SCHEDULER = _block(
    "scheduler",
    "The I/O scheduler: how the device is shared between guests.",
    "/sys/block/*/queue/scheduler",
    kind=Kind.INFO,
)
READ_OPS = _count(
    "read_ops", "Reads done by the device, for all guests and the node together.", _STAT + "field 1"
)
WRITE_OPS = _count(
    "write_ops",
    "Writes done by the device, for all guests and the node together. The fleet dashboard names the guests "
    "that write most.",
    _STAT + "field 5",
)
READ_BYTES = _count(
    "read_bytes",
    "Bytes read from the device: compare them with what it can do.",
    _STAT + "field 3 * 512",
    unit=Unit.BYTES,
)
WRITE_BYTES = _count(
    "write_bytes",
    "Bytes written to the device: compare them with what it can do, and an SSD's with what it endures.",
    _STAT + "field 7 * 512",
    unit=Unit.BYTES,
)
BUSY = _count(
    "busy_seconds",
    "Time with I/O under way; near 100 % a single disk is saturated (an SSD or an array is not yet).",
    _STAT + "field 10",
    unit=Unit.SECONDS,
)
QUEUED = _count(
    "queued_seconds",
    "Time that I/O took, overlapping ones added: its rate is the mean length of the queue.",
    _STAT + "field 11",
    unit=Unit.SECONDS,
    shown=False,
)
STAT = {
    0: (READ_OPS, 1),
    2: (READ_BYTES, SECTOR),
    4: (WRITE_OPS, 1),
    6: (WRITE_BYTES, SECTOR),
    9: (BUSY, 1e-3),
    10: (QUEUED, 1e-3),
}

SUBSYSTEM = Subsystem(
    "node_block",
    "Block devices of the node",
    (SCHEDULER, READ_OPS, WRITE_OPS, READ_BYTES, WRITE_BYTES, BUSY, QUEUED),
    graphs=(
        Graph("Block device operations", (READ_OPS, WRITE_OPS, BUSY)),
        Graph("Block device throughput", (READ_BYTES, WRITE_BYTES)),
    ),
)
