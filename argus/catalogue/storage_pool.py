"""libvirt's storage pools of the node: whether they work and how full they are.

https://libvirt.org/html/libvirt-libvirt-storage.html#virStoragePoolInfo
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import STORAGE_POOL, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_pool = partial(Metric, "pool", entity=STORAGE_POOL)
_INFO = "virStoragePoolGetInfo, asked every few minutes: "
_AS_OF = " As of libvirt's last refresh of the pool."

_WATCHED = '{$ARGUS.NODE.POOL.CONTROL:"{#POOL}"}'
_FULL = '{$ARGUS.NODE.POOL.USED.MAX.CRIT:"{#POOL}"}'
_MOST = '{$ARGUS.NODE.POOL.USED.MAX.WARN:"{#POOL}"}'
_LEAST = '{$ARGUS.NODE.POOL.TIMELEFT.MIN.WARN:"{#POOL}"}'
_FLOOR = '{$ARGUS.NODE.POOL.USED.MIN.PREDICT:"{#POOL}"}'

STATE = _pool(
    "state",
    "What the pool is doing. Not running: virsh pool-start, or its mount or volume group is missing.",
    _INFO + "state",
    kind=Kind.STATE,
    states={0: "not running", 1: "being built", 2: "running", 3: "degraded", 4: "not accessible"},
)
CAPACITY = _pool(
    "capacity_bytes",
    "Size of the pool: how much its disks may hold." + _AS_OF,
    _INFO + "capacity",
    unit=Unit.BYTES,
)
ALLOCATION = _pool(
    "allocation_bytes",
    "Space in use: by what disks hold, not their sizes." + _AS_OF,
    _INFO + "allocation",
    unit=Unit.BYTES,
)
AVAILABLE = _pool(
    "available_bytes",
    "Space left, for thin disks that grow, too." + _AS_OF,
    _INFO + "available",
    unit=Unit.BYTES,
)
USED = _pool(
    "used_ratio",
    "Share of the pool in use: full, it pauses guests with thin disks." + _AS_OF,
    "allocation / capacity",
    unit=Unit.RATIO,
)

SUBSYSTEM = Subsystem(
    "storage_pool",
    "Storage pools",
    (STATE, CAPACITY, ALLOCATION, AVAILABLE, USED),
    triggers=(
        Trigger(
            "pool_broken",
            "Storage pool {#POOL} is degraded or not accessible",
            (STATE,),
            f"{_WATCHED}=1 and last(@1)>2",
            Severity.HIGH,
            "availability",
            "Guests with disks in the pool get errors. virsh pool-info on the node, then look at what the "
            "pool is made of: a mount, a volume group, a Ceph cluster.",
            event_name="Storage pool {#POOL} is {ITEM.VALUE1}",
            opdata="State: {ITEM.LASTVALUE1}",
            manual_close=True,  # of a pool that was taken away no further value comes
        ),
        Trigger(
            "pool_full_critical",
            "Storage pool {#POOL} is full",
            (USED,),
            f"last(@1)>{_FULL}",
            Severity.HIGH,
            "capacity",
            "Guests with thin disks in the pool are paused by an I/O error as soon as the last space is "
            "gone, "
            "and those that run now may be next. Make room at once: old snapshots, base images that nobody "
            "uses (virsh vol-list), a larger volume; then resume what was paused.",
            recovery=f"last(@1)<{_FULL}-2",
            event_name=f"Storage pool {{#POOL}} is full (over {_FULL}%)",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
        Trigger(
            "pool_full",
            "Storage pool {#POOL} is nearly full",
            (USED,),
            f"last(@1)>{_MOST}",
            Severity.WARNING,
            "capacity",
            "When the pool is full, guests with thin disks in it are paused by an I/O error. Make room or "
            "move disks.",
            recovery=f"last(@1)<{_MOST}-2",
            event_name=f"Storage pool {{#POOL}} is nearly full (over {_MOST}%)",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("pool_full_critical",),
        ),
        Trigger(
            "pool_full_soon",
            "Storage pool {#POOL} will be full soon",
            (USED,),
            f"last(@1)>{_FLOOR} and timeleft(@1,6h,100)<{_LEAST}",
            Severity.WARNING,
            "capacity",
            "At the pace of the last six hours the pool is full before somebody may look again; guests with "
            "thin disks in it are then paused by an I/O error. Find what grows (a snapshot, a backup, one "
            "guest), then make room or move disks.",
            recovery=f"last(@1)<={_FLOOR} or timeleft(@1,6h,100)>2*{_LEAST}",
            event_name=f"Storage pool {{#POOL}} will be full in less than {_LEAST}",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("pool_full",),
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.POOL.CONTROL", "1", "Whether a storage pool must work, 1 or 0; context: its name."),
        Macro(
            "ARGUS.NODE.POOL.USED.MAX.CRIT",
            "95",
            "Percent of a storage pool in use from which it counts as full; context: its name.",
        ),
        Macro("ARGUS.NODE.POOL.USED.MAX.WARN", "90", "Percent of a storage pool in use; context: its name."),
        Macro(
            "ARGUS.NODE.POOL.TIMELEFT.MIN.WARN",
            "1d",
            "A storage pool that will be full before is told of; context: its name.",
        ),
        Macro(
            "ARGUS.NODE.POOL.USED.MIN.PREDICT",
            "60",
            "Percent of a storage pool in use below which nothing is predicted; context: its name.",
        ),
    ),
    graphs=(Graph("Storage pool {#POOL}", (ALLOCATION, AVAILABLE, CAPACITY)),),
)
