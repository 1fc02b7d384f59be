"""Software RAID of the node: arrays that lost a disk, do not run, or are being rebuilt.

https://docs.kernel.org/admin-guide/md.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import MD_ARRAY, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_md = partial(Metric, "md", entity=MD_ARRAY)
_SYS = "/sys/block/md*/md/"

STATES = {
    "clear": 0,
    "inactive": 1,
    "suspended": 2,
    "readonly": 3,
    "read-auto": 4,
    "clean": 5,
    "active": 6,
    "write-pending": 7,
    "active-idle": 8,
    "broken": 9,
}
ACTIONS = {
    "idle": 0,
    "resync": 1,
    "recover": 2,
    "check": 3,
    "repair": 4,
    "reshape": 5,
    "frozen": 6,
}
UNKNOWN = 99
"""A word that a later kernel may have."""

STATE = _md(
    "state",
    "What the array is doing. Inactive: it was not put together, disks are missing. Broken: a disk that "
    "nothing stands in for is gone.",
    _SYS + "array_state",
    kind=Kind.STATE,
    states={number: word for word, number in STATES.items()} | {UNKNOWN: "another"},
)
LEVEL = _md("level", "RAID level, and by it how many disks may be lost.", _SYS + "level", kind=Kind.INFO)
DISKS = _md("disks", "Disks that a whole array has, without spares.", _SYS + "raid_disks", shown=False)
DEGRADED = _md(
    "degraded",
    "Disks that the array lacks. Above 0 another loss may cost the data. Absent for levels without "
    "redundancy.",
    _SYS + "degraded",
)
FAILED = _md(
    "failed",
    "Disks that the kernel threw out of the array and that are still in it: replace them.",
    _SYS + "dev-*/state (faulty)",
)
SPARES = _md(
    "spares",
    "Disks that stand by to replace one that fails.",
    _SYS + "dev-*/state (spare)",
    shown=False,
)
ACTION = _md(
    "action",
    "What goes through the whole array: recover rebuilds onto a new disk, check reads all to find what "
    "differs; either slows the guests on it.",
    _SYS + "sync_action",
    kind=Kind.STATE,
    states={number: word for word, number in ACTIONS.items()} | {UNKNOWN: "another"},
)
DONE = _md(
    "done_ratio",
    "How much of that is done. Absent when nothing goes on.",
    _SYS + "sync_completed",
    unit=Unit.RATIO,
)
SPEED = _md(
    "sync_speed_bytes",
    "How fast it goes, bytes per second; /proc/sys/dev/raid/speed_limit_max slows it in favour of guests.",
    _SYS + "sync_speed * 1024",
    unit=Unit.BYTES,
    per_second=True,
    shown=False,
)
MISMATCHES = _md(
    "mismatches",
    "Sectors whose copies differ, found by the last check. Some are usual for swap on RAID 1; many: a disk, "
    "a cable or memory gives wrong data.",
    _SYS + "mismatch_cnt",
)

_WATCHED = '{$ARGUS.NODE.MD.CONTROL:"{#ARRAY}"}'

SUBSYSTEM = Subsystem(
    "node_md",
    "Software RAID of the node",
    (STATE, LEVEL, DISKS, DEGRADED, FAILED, SPARES, ACTION, DONE, SPEED, MISMATCHES),
    triggers=(
        Trigger(
            "md_not_running",
            "Node: RAID array {#ARRAY} does not run",
            (STATE,),
            f"{_WATCHED}=1 and (last(@1)=1 or last(@1)=9)",
            Severity.HIGH,
            "availability",
            "Inactive, it lacks too many disks to be started; broken, it lost one that nothing stands in "
            "for: what is on it cannot be used. cat /proc/mdstat, mdadm --detail and dmesg say which disks "
            "are missing.",
            recovery=f"(last(@1)<>1 and last(@1)<>9) or {_WATCHED}=0",
            event_name="Node: RAID array {#ARRAY} is {ITEM.VALUE1}",
            opdata="State: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
        Trigger(
            "md_degraded",
            "Node: RAID array {#ARRAY} is degraded",
            (DEGRADED,),
            f"{_WATCHED}=1 and last(@1)>0",
            Severity.HIGH,
            "availability",
            "The array runs without one of its disks or more: guests go on, and the next loss may cost "
            "their data. mdadm --detail names the disk; replace it and add it, then watch the items about "
            "recovery. While it recovers, this problem stays.",
            recovery=f"last(@1)=0 or {_WATCHED}=0",
            opdata="Disks missing: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("md_not_running",),
        ),
        Trigger(
            "md_disk_failed",
            "Node: a disk of RAID array {#ARRAY} failed",
            (FAILED,),
            f"{_WATCHED}=1 and last(@1)>0",
            Severity.WARNING,
            "availability",
            "A spare took its place, or the array is degraded, which another trigger says. Replace the disk: "
            "mdadm --detail names it.",
            recovery=f"last(@1)=0 or {_WATCHED}=0",
            opdata="Disks that failed: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("md_degraded",),
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.MD.CONTROL", "1", "Whether a RAID array must be whole, 1 or 0; context: its name."),
    ),
    graphs=(Graph("RAID array {#ARRAY}", (DEGRADED, FAILED, DONE, MISMATCHES)),),
)
