"""Migrations, saves, dumps and backups of a guest: how far they are, and how the last one ended.

https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetJobStats
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_job = partial(Metric, "job", entity=GUEST)
_STATS = "virDomainGetJobStats "
_FINAL = "libvirt event JOB_COMPLETED, "
_OPERATIONS = {
    0: "unknown",
    1: "start",
    2: "save",
    3: "restore",
    4: "migration in",
    5: "migration out",
    6: "snapshot",
    7: "revert to snapshot",
    8: "dump",
    9: "backup",
    10: "delete snapshot",
}

ACTIVE = _job(
    "active",
    "Whether libvirt is migrating, saving or copying the guest.",
    "/run/libvirt/qemu/NAME.xml, job@async",
    kind=Kind.STATE,
    states={0: "no", 1: "yes"},
)
OPERATION = _job(
    "operation",
    "What the job does: only a migration depends on how much the guest writes.",
    _STATS + "operation",
    kind=Kind.STATE,
    states=_OPERATIONS,
)
ELAPSED = _job(
    "elapsed_seconds",
    "Time since the job began. A migration that takes long does not keep up with what the guest writes.",
    _STATS + "time_elapsed",
    unit=Unit.SECONDS,
)
REMAINING = _job(
    "remaining_bytes",
    "Data still to be sent. Not shrinking: the guest writes memory faster than the network takes it.",
    _STATS + "data_remaining",
    unit=Unit.BYTES,
)
TOTAL = _job(
    "total_bytes",
    "Data of the job in all: what is left of it tells how far it is.",
    _STATS + "data_total",
    unit=Unit.BYTES,
    shown=False,
)
MEMORY_RATE = _job(
    "memory_rate_bytes",
    "Memory sent per second: what the network gives the migration. Compare it with the dirty rate.",
    _STATS + "memory_bps",
    unit=Unit.BYTES,
    per_second=True,
)
DIRTY_RATE = _job(
    "dirty_rate_bytes",
    "Memory that the guest writes per second. Above the rate sent, the migration does not end by itself.",
    _STATS + "memory_dirty_rate * memory_page_size",
    unit=Unit.BYTES,
    per_second=True,
)
ITERATION = _job(
    "iteration",
    "Passes over the guest's memory. Many, and no end: the guest writes faster than the network takes it.",
    _STATS + "memory_iteration",
    shown=False,
)
THROTTLE = _job(
    "auto_converge_ratio",
    "Share of CPU time taken from the guest so that the migration ends.",
    _STATS + "auto_converge_throttle",
    unit=Unit.RATIO,
    shown=False,
)
LAST_OPERATION = _job(
    "last_operation",
    "What the last job did, of which the other values of the last job tell.",
    _FINAL + "operation",
    kind=Kind.STATE,
    states=_OPERATIONS,
)
LAST_SUCCESS = _job(
    "last_success",
    "How the last job ended. Failed: the log of libvirtd and nova-compute on both nodes says why.",
    _FINAL + "success",
    kind=Kind.STATE,
    states={0: "failed or cancelled", 1: "done"},
)
LAST_ELAPSED = _job(
    "last_elapsed_seconds",
    "Time that the last job took: what to expect of the next migration of this guest.",
    _FINAL + "time_elapsed",
    unit=Unit.SECONDS,
)
LAST_DOWNTIME = _job(
    "last_downtime_seconds",
    "Time that the guest stood still at the end of its last migration: what its users felt of it.",
    _FINAL + "downtime",
    unit=Unit.SECONDS,
)

RUNNING = {
    "operation": (OPERATION, 1),
    "time_elapsed": (ELAPSED, 1e-3),
    "data_remaining": (REMAINING, 1),
    "data_total": (TOTAL, 1),
    "memory_bps": (MEMORY_RATE, 1),
    "memory_iteration": (ITERATION, 1),
    "auto_converge_throttle": (THROTTLE, 1e-2),
}
ENDED = {
    "operation": (LAST_OPERATION, 1),
    "success": (LAST_SUCCESS, 1),
    "time_elapsed": (LAST_ELAPSED, 1e-3),
    "downtime": (LAST_DOWNTIME, 1e-3),
}

SUBSYSTEM = Subsystem(
    "guest_job",
    "Migration and other jobs",
    (
        ACTIVE,
        OPERATION,
        ELAPSED,
        REMAINING,
        TOTAL,
        MEMORY_RATE,
        DIRTY_RATE,
        ITERATION,
        THROTTLE,
        LAST_OPERATION,
        LAST_SUCCESS,
        LAST_ELAPSED,
        LAST_DOWNTIME,
    ),
    triggers=(
        Trigger(
            "guest_job_long",
            "Migration or other job takes long",
            (ACTIVE, ELAPSED),
            "last(@1)=1 and last(@2)>{$ARGUS.GUEST.JOB.MAX.WARN}",
            Severity.WARNING,
            "performance",
            "A migration (or save, dump, backup) has run longer than expected. When its dirty rate is above "
            "its memory rate it will not end: let it force completion (openstack server migration force "
            "complete), allow auto-converge or post-copy in nova.conf, or abort it.",
            event_name="Migration or other job takes longer than {$ARGUS.GUEST.JOB.MAX.WARN}",
            opdata="Since: {ITEM.LASTVALUE2}",
        ),
    ),
    macros=(
        Macro("ARGUS.GUEST.JOB.MAX.WARN", "30m", "How long a migration or other job of a guest may take."),
    ),
    # Whether there is a job is always known: the graph says so when there was none.
    graphs=(
        Graph("Migration", (ACTIVE, MEMORY_RATE, DIRTY_RATE)),
        Graph("Migration: data left", (ACTIVE, OPERATION, REMAINING)),
        Graph("Last migration or job", (ACTIVE, LAST_OPERATION, LAST_SUCCESS, LAST_ELAPSED, LAST_DOWNTIME)),
    ),
)
