"""Several ways to one disk (device mapper's multipath, NVMe's own): how many are left.

Documentation/ABI/testing/sysfs-block-dm, drivers/nvme/host/sysfs.c, drivers/scsi/scsi_sysfs.c
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger

_multipath = partial(Metric, "multipath")
_SYS = "/sys/block/dm-*/slaves/*/device/state, /sys/class/nvme-subsystem/*/nvme*/state"
_UNSEEN = " What multipathd alone holds for failed is not seen: the kernel's states are."

DEVICES = _multipath(
    "devices",
    "Disks with several ways to them: maps of multipathd, and NVMe subsystems of a network or with several "
    "controllers.",
    _SYS,
)
PATHS = _multipath("paths", "Ways to those disks in all: fewer than before, the others are gone.", _SYS)
PATHS_FAILED = _multipath(
    "paths_failed",
    "Ways that do not work: offline, blocked, connecting, being deleted." + _UNSEEN,
    _SYS,
)
DEGRADED = _multipath(
    "devices_degraded",
    "Disks that lost one of their ways and have another: the next loss stops the guests on them." + _UNSEEN,
    _SYS,
)
LOST = _multipath(
    "devices_lost",
    "Disks without any way that works: guests on them hang or get errors." + _UNSEEN,
    _SYS + ", ana_state",
)
AFFECTED = _multipath(
    "affected",
    "Which disks lost ways, and which ways in which state. Absent when none did.",
    _SYS,
    kind=Kind.INFO,
)

_WATCHED = "{$ARGUS.NODE.MULTIPATH.CONTROL}"

SUBSYSTEM = Subsystem(
    "node_multipath",
    "Multipath disks of the node",
    (DEVICES, PATHS, PATHS_FAILED, DEGRADED, LOST, AFFECTED),
    triggers=(
        Trigger(
            "multipath_lost",
            "Node: a multipath disk has no way left",
            (LOST, AFFECTED),
            f"{_WATCHED}=1 and last(@1)>0 and length(last(@2))>0",
            Severity.HIGH,
            "availability",
            "No way to the disk works: guests on it hang, or pause with an I/O error. Look at the fabric, "
            "the ports of the node and the storage controllers: multipath -ll, nvme list-subsys, dmesg.",
            recovery=f"last(@1)=0 or {_WATCHED}=0",
            event_name="Node: multipath disks have no way left: {ITEM.VALUE2}",
            opdata="Disks: {ITEM.LASTVALUE1}; {ITEM.LASTVALUE2}",
            manual_close=True,
        ),
        Trigger(
            "multipath_degraded",
            "Node: a multipath disk lost a way",
            (DEGRADED, AFFECTED),
            # A volume that is being detached loses one way after the other within seconds.
            f"{_WATCHED}=1 and min(@1,3m)>0 and length(last(@2))>0",
            Severity.AVERAGE,
            "availability",
            "The disk has another way, so guests go on; the next loss stops them. Many disks at once: a "
            "cable, a port or a switch; one: the storage. multipath -ll, nvme list-subsys and dmesg tell "
            "more.",
            recovery=f"max(@1,2m)=0 or {_WATCHED}=0",
            event_name="Node: multipath disks lost ways: {ITEM.VALUE2}",
            opdata="Disks: {ITEM.LASTVALUE1}; {ITEM.LASTVALUE2}",
            manual_close=True,
            depends_on=("multipath_lost",),
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.MULTIPATH.CONTROL", "1", "Whether all ways to multipath disks must work, 1 or 0."),
    ),
    graphs=(Graph("Multipath paths", (DEVICES, PATHS, PATHS_FAILED)),),
)
