"""Disks of the node, as guests share them: how long they take, how busy they are, what they are made of.

https://docs.kernel.org/admin-guide/iostats.html, https://docs.kernel.org/block/switching-sched.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import BLOCK_DEVICE, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_block = partial(Metric, "block", entity=BLOCK_DEVICE)
_count = partial(_block, kind=Kind.COUNTER)
_text = partial(_block, kind=Kind.INFO)
_STAT = "/proc/diskstats, "
SECTOR = 512

SCHEDULER = _text(
    "scheduler",
    "The I/O scheduler: how the device is shared between guests.",
    "/sys/block/*/queue/scheduler",
)
KIND = _text(
    "type",
    "What the device is: md (RAID), lvm, crypt, multipath, or dm for other maps of device mapper. Absent "
    "for a plain disk.",
    "/sys/block/*/dm/uuid",
    shown=False,
)
KERNEL_NAME = _text(
    "kernel_name",
    "The kernel's name of a device that is named by device mapper: dm-3, which may be another one after a "
    "reboot.",
    "/sys/block/dm-*",
)
MEMBERS = _text(
    "members",
    "What the device is made of: the disks of an array, the paths of a multipath map. A slow one slows the "
    "whole.",
    "/sys/block/*/slaves",
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
READ_TIME = _count(
    "read_seconds",
    "Time that reads took, overlapping ones added: divided by the reads, their latency.",
    _STAT + "field 4",
    unit=Unit.SECONDS,
    shown=False,
)
WRITE_TIME = _count(
    "write_seconds",
    "Time that writes took, overlapping ones added: divided by the writes, their latency.",
    _STAT + "field 8",
    unit=Unit.SECONDS,
    shown=False,
)
BUSY = _count(
    "busy_seconds",
    "Time with I/O under way; near 100 % a single disk is saturated (an SSD or an array is not yet).",
    _STAT + "field 10",
    unit=Unit.SECONDS,
    shown=False,
)
QUEUED = _count(
    "queued_seconds",
    "Time that I/O took, overlapping ones added: its rate is the mean length of the queue.",
    _STAT + "field 11",
    unit=Unit.SECONDS,
    shown=False,
)
DISCARD_OPS = _count(
    "discard_ops",
    "Discards (TRIM) done by the device since Linux 4.18. Some disks serve nobody else meanwhile.",
    _STAT + "field 12",
    shown=False,
)
DISCARD_BYTES = _count(
    "discard_bytes",
    "Bytes given back to the device (TRIM): of guests with discard=unmap, and of fstrim.",
    _STAT + "field 14 * 512",
    unit=Unit.BYTES,
    shown=False,
)
FLUSH_OPS = _count(
    "flush_ops",
    "Flushes of the device's cache since Linux 5.5: each fsync of a guest makes one, and waits for it.",
    _STAT + "field 16",
    shown=False,
)
READ_LATENCY = _block(
    "read_latency_seconds",
    "Mean time of a read over the agent's last interval, waiting included. Guests with disks here feel it.",
    "growth of /proc/diskstats, field 4 / field 1",
    unit=Unit.SECONDS,
)
WRITE_LATENCY = _block(
    "write_latency_seconds",
    "Mean time of a write over the agent's last interval, waiting included. Guests with disks here feel it.",
    "growth of /proc/diskstats, field 8 / field 5",
    unit=Unit.SECONDS,
)
FLUSH_LATENCY = _block(
    "flush_latency_seconds",
    "Mean time of a flush over the agent's last interval: what a guest's database waits for at each commit.",
    "growth of /proc/diskstats, field 17 / field 16",
    unit=Unit.SECONDS,
    shown=False,
)
USED = _block(
    "used_ratio",
    "Share of the agent's last interval with I/O under way; near 100 % a single disk is saturated (an SSD "
    "or an array, which do many things at once, are not yet: look at the latency).",
    "growth of /proc/diskstats, field 10 / time",
    unit=Unit.RATIO,
)
QUEUE_LENGTH = _block(
    "queue_length",
    "Mean number of requests under way or waiting over the agent's last interval. Much above what the disk "
    "can do at once (1 for a spinning one), guests wait for each other.",
    "growth of /proc/diskstats, field 11 / time",
)
LEFT_OUT = Metric(
    "block",
    "left_out",
    "Disks that are not measured because there are too many: name in [storage] ignore_disks what "
    "does not matter. Absent when none is left out.",
    "agent",
    shown=False,
)
STAT = {
    0: (READ_OPS, 1),
    2: (READ_BYTES, SECTOR),
    3: (READ_TIME, 1e-3),
    4: (WRITE_OPS, 1),
    6: (WRITE_BYTES, SECTOR),
    7: (WRITE_TIME, 1e-3),
    9: (BUSY, 1e-3),
    10: (QUEUED, 1e-3),
    11: (DISCARD_OPS, 1),
    13: (DISCARD_BYTES, SECTOR),
    15: (FLUSH_OPS, 1),
}
TIMES = frozenset({3, 7, 9, 10})

_SLOW = '{$ARGUS.NODE.DISK.LATENCY.MAX.WARN:"{#DEVICE}"}'


def _all_above(item: str) -> str:
    """Some came and all are above: counts, unlike ``min``, are known where there was nothing to measure."""
    return f'(count({item},5m,"gt",{_SLOW})>0 and count({item},5m,"le",{_SLOW})=0)'


SUBSYSTEM = Subsystem(
    "node_block",
    "Disks of the node",
    (
        SCHEDULER,
        KIND,
        KERNEL_NAME,
        MEMBERS,
        *(metric for metric, _ in STAT.values()),
        READ_LATENCY,
        WRITE_LATENCY,
        FLUSH_LATENCY,
        USED,
        QUEUE_LENGTH,
        LEFT_OUT,
    ),
    triggers=(
        Trigger(
            "block_slow",
            "Node: disk {#DEVICE} is slow",
            (READ_LATENCY, WRITE_LATENCY),
            f"{_all_above('@1')} or {_all_above('@2')}",
            Severity.WARNING,
            "performance",
            "Reads or writes of the node's disk took long for 5 minutes: every guest with disks on it "
            "waits. Full queue and utilisation: too much is asked; find the guest that writes most. Short "
            "queue: the disk or its way there is failing (dmesg, smartctl, nvme smart-log; of an array or a "
            "map look at the members).",
            recovery=f'count(@1,5m,"gt",{_SLOW})=0 and count(@2,5m,"gt",{_SLOW})=0',
            event_name=f"Node: disk {{#DEVICE}} is slow (over {_SLOW} s for 5m)",
            opdata="Read: {ITEM.LASTVALUE1}, write: {ITEM.LASTVALUE2}",
            manual_close=True,
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.DISK.LATENCY.MAX.WARN",
            "0.1",
            "Seconds that a read or write of a node's disk may take; context: its name.",
        ),
    ),
    graphs=(
        Graph("Block device latency", (READ_LATENCY, WRITE_LATENCY)),
        Graph("Block device operations", (READ_OPS, WRITE_OPS, USED)),
        Graph("Block device throughput", (READ_BYTES, WRITE_BYTES)),
        Graph("Block device queue", (QUEUE_LENGTH, USED)),
    ),
)
