"""File systems of the node: space and inodes left, read-only after an error, and whether they answer at all.

https://man7.org/linux/man-pages/man3/statvfs.3.html, https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import FILESYSTEM, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_fs = partial(Metric, "filesystem", entity=FILESYSTEM)
_STATVFS = "statvfs(3), once a minute: "
_MOUNTINFO = "/proc/1/mountinfo: "

SIZE = _fs("size_bytes", "Size of the file system.", _STATVFS + "f_blocks * f_frsize", unit=Unit.BYTES)
AVAILABLE = _fs(
    "available_bytes",
    "Space left for programs that are not root's, such as nova-compute and QEMU: less than what is free "
    "where some is reserved for root.",
    _STATVFS + "f_bavail * f_frsize",
    unit=Unit.BYTES,
)
FREE = _fs(
    "free_bytes",
    "Space left, with what is reserved for root.",
    _STATVFS + "f_bfree * f_frsize",
    unit=Unit.BYTES,
    shown=False,
)
USED = _fs(
    "used_ratio",
    "Share in use of the space that ordinary programs may have, as df shows it. Full, the file system with "
    "Nova's instances pauses guests (ENOSPC); /, /var or /var/log stop nova-compute, libvirtd and logging.",
    "used / (used + available)",
    unit=Unit.RATIO,
)
INODES = _fs(
    "inodes",
    "How many files the file system can hold. Absent where it has no such limit (btrfs, CephFS).",
    _STATVFS + "f_files",
    shown=False,
)
INODES_FREE = _fs(
    "inodes_free",
    "How many more files ordinary programs can make. Without inodes the file system is full, whatever the "
    "space.",
    _STATVFS + "f_favail",
)
INODES_USED = _fs(
    "inodes_used_ratio",
    "Share of the inodes in use. Many small files (logs, crash reports, sessions) use them up before the "
    "space.",
    "1 - f_ffree / f_files",
    unit=Unit.RATIO,
)
INSTANCES = _fs(
    "instances",
    "Whether Nova keeps the disks of guests here (instances_path): when it is full, guests that write are "
    "paused.",
    "[storage] instances_path of agent.conf, links followed",
    kind=Kind.STATE,
    states={0: "no", 1: "yes"},
)
MODE = _fs(
    "mode",
    "Whether it can be written. After an error the kernel makes a file system read-only by itself: nothing "
    "on it can be started or logged any more.",
    _MOUNTINFO + "options of the mount and of the file system",
    kind=Kind.STATE,
    states={0: "writable", 1: "read-only", 2: "read-only after an error"},
)
ANSWERS = _fs(
    "answers",
    "Whether it answers when asked for its space. A network file system without its server, or a disk whose "
    "paths are all lost, does not: whoever touches it hangs.",
    "statvfs(3) in a thread of its own",
    kind=Kind.STATE,
    states={
        0: "does not answer",
        1: "answers with an error",
        2: "answers",
        3: "not asked: too many others hang",
        4: "may not be asked",
    },
)
TYPE = _fs("type", "Type of the file system.", _MOUNTINFO + "field 9", kind=Kind.INFO, shown=False)
SOURCE = _fs(
    "source",
    "What is mounted: a disk, a logical volume, the export of a server.",
    _MOUNTINFO + "field 10",
    kind=Kind.INFO,
)
LEFT_OUT = Metric(
    "filesystem",
    "left_out",
    "File systems that [storage] mounts names and that are not measured, because there are too many: "
    "name fewer. Absent when none is left out.",
    "agent",
    shown=False,
)

_WATCHED = '{$ARGUS.NODE.FS.CONTROL:"{#MOUNT}"}'
_FULL = '{$ARGUS.NODE.FS.USED.MAX.CRIT:"{#MOUNT}"}'
_MOST = '{$ARGUS.NODE.FS.USED.MAX.WARN:"{#MOUNT}"}'
_LEAST = '{$ARGUS.NODE.FS.TIMELEFT.MIN.WARN:"{#MOUNT}"}'
_FLOOR = '{$ARGUS.NODE.FS.USED.MIN.PREDICT:"{#MOUNT}"}'
_INODES = '{$ARGUS.NODE.FS.INODES.MAX.WARN:"{#MOUNT}"}'
_ROOM = (
    "Make room: du -x --max-depth=2 shows what takes it; old logs, core dumps, images in _base that nobody "
    "uses, what a failed migration or resize left behind."
)

SUBSYSTEM = Subsystem(
    "node_filesystem",
    "File systems of the node",
    (
        SIZE,
        AVAILABLE,
        FREE,
        USED,
        INODES,
        INODES_FREE,
        INODES_USED,
        INSTANCES,
        MODE,
        ANSWERS,
        TYPE,
        SOURCE,
        LEFT_OUT,
    ),
    triggers=(
        Trigger(
            "filesystem_silent",
            "Node: file system {#MOUNT} does not answer",
            (ANSWERS,),
            f"{_WATCHED}=1 and max(@1,2m)<2",
            Severity.HIGH,
            "availability",
            "For two minutes nobody could even ask for its space: every program that touches it hangs, QEMU "
            "and nova-compute as well. Look at the server or the paths of its disk (dmesg, multipath -ll, "
            "nfsstat, ceph status); guests with disks elsewhere go on.",
            recovery=f"min(@1,2m)>1 or {_WATCHED}=0",
            opdata="File system: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("node_data_missing",),
        ),
        Trigger(
            "filesystem_read_only",
            "Node: file system {#MOUNT} became read-only",
            (MODE,),
            f"{_WATCHED}=1 and (last(@1)=2 or (last(@1)=1 and min(@1,1h)=0))",
            Severity.HIGH,
            "availability",
            "It could be written before. The kernel does this after an I/O error or when the file system is "
            "damaged; dmesg says which. Nova and libvirt can start nothing that writes here. Check the "
            "disk, move guests away, then fsck and mount anew.",
            recovery=f"last(@1)=0 or {_WATCHED}=0",
            opdata="File system: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
        Trigger(
            "filesystem_pauses_guests",
            "Node: file system {#MOUNT} of Nova's instances is full",
            (USED, INSTANCES),
            f"last(@1)>{_FULL} and last(@2)=1",
            Severity.HIGH,
            "capacity",
            "Nova keeps the disks of guests here. At the last free block QEMU gets ENOSPC, and every guest "
            "that writes is paused, one after another; new ones cannot start. "
            + _ROOM
            + " Then resume what was paused "
            "(virsh resume, openstack server unpause).",
            recovery=f"last(@1)<{_FULL}-2 or last(@2)=0",
            event_name=f"Node: file system {{#MOUNT}} of Nova's instances is full (over {_FULL}%)",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
        Trigger(
            "filesystem_full",
            "Node: file system {#MOUNT} is full",
            (USED,),
            f"last(@1)>{_FULL}",
            Severity.AVERAGE,
            "capacity",
            "Services that write here fail soon: libvirtd, nova-compute, Open vSwitch's database, logging. "
            + _ROOM,
            recovery=f"last(@1)<{_FULL}-2",
            event_name=f"Node: file system {{#MOUNT}} is full (over {_FULL}%)",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("filesystem_pauses_guests",),
        ),
        Trigger(
            "filesystem_nearly_full",
            "Node: file system {#MOUNT} is nearly full",
            (USED,),
            f"last(@1)>{_MOST}",
            Severity.WARNING,
            "capacity",
            "When it is full, services that write here fail, and guests with disks on it are paused by "
            "ENOSPC. " + _ROOM,
            recovery=f"last(@1)<{_MOST}-2",
            event_name=f"Node: file system {{#MOUNT}} is nearly full (over {_MOST}%)",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("filesystem_full",),
        ),
        Trigger(
            "filesystem_full_soon",
            "Node: file system {#MOUNT} will be full soon",
            (USED,),
            # A node that was just installed fills fast and stops: nothing is predicted without a history.
            f"last(@1)>{_FLOOR} and count(@1,1h:now-5h)>0 and timeleft(@1,6h,100)<{_LEAST}",
            Severity.WARNING,
            "capacity",
            "At the pace of the last six hours it is full before somebody may look again; guests with disks "
            "on it are then paused by ENOSPC. Find what grows (a thin disk, a snapshot, a log), then make "
            "room or move it.",
            recovery=f"last(@1)<={_FLOOR} or timeleft(@1,6h,100)>2*{_LEAST}",
            event_name=f"Node: file system {{#MOUNT}} will be full in less than {_LEAST}",
            opdata="Used: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("filesystem_nearly_full",),
        ),
        Trigger(
            "filesystem_inodes",
            "Node: file system {#MOUNT} has hardly any inodes left",
            (INODES_USED,),
            f"last(@1)>{_INODES}",
            Severity.AVERAGE,
            "capacity",
            "Without inodes no file can be made, though there is space: to programs the file system is full "
            "(ENOSPC). df -i, then find the folder with the many small files: logs, crash reports, mail, "
            "sessions.",
            recovery=f"last(@1)<{_INODES}-2",
            event_name=f"Node: file system {{#MOUNT}} has hardly any inodes left (over {_INODES}%)",
            opdata="Inodes used: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.FS.CONTROL",
            "1",
            "Whether a file system must answer and be writable, 1 or 0; context: its mount point.",
        ),
        Macro(
            "ARGUS.NODE.FS.USED.MAX.CRIT",
            "95",
            "Percent of a file system in use from which it counts as full; context: its mount point.",
        ),
        Macro(
            "ARGUS.NODE.FS.USED.MAX.WARN", "90", "Percent of a file system in use; context: its mount point."
        ),
        Macro(
            "ARGUS.NODE.FS.TIMELEFT.MIN.WARN",
            "1d",
            "A file system that will be full before is told of; context: its mount point.",
        ),
        Macro(
            "ARGUS.NODE.FS.USED.MIN.PREDICT",
            "60",
            "Percent of a file system in use below which nothing is predicted; context: its mount point.",
        ),
        Macro(
            "ARGUS.NODE.FS.INODES.MAX.WARN",
            "90",
            "Percent of a file system's inodes in use; context: its mount point.",
        ),
    ),
    graphs=(
        Graph("File system {#MOUNT}: space", (AVAILABLE, SIZE, USED)),
        Graph("File system {#MOUNT}: inodes", (INODES_FREE, INODES_USED)),
    ),
)
