"""What happened to a guest: events that libvirt told the moment they came, which polling never sees.

https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainEventID
"""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_memory_events
from argus.catalogue.model import GUEST, NODE, Graph, Kind, Metric, Severity, Subsystem, Trigger

_EVENT = "libvirt event "
_count = partial(Metric, "events", entity=GUEST, kind=Kind.COUNTER, rare=True)
_seldom = partial(_count, shown=False)

CRASHED = _count(
    "crashed",
    "Times QEMU ended by itself or did not start: /var/log/libvirt/qemu/DOMAIN.log and dmesg say why.",
    _EVENT + "LIFECYCLE stopped (crashed, failed)",
)
PANICKED = _count(
    "panicked",
    "Times the guest's kernel panicked (it has a pvpanic device). Its console log says why.",
    _EVENT + "LIFECYCLE crashed (panicked)",
)
WATCHDOGS = _count(
    "watchdogs",
    "Times the guest's watchdog fired: the guest did not feed it, so it hung.",
    _EVENT + "WATCHDOG",
)
IO_ERRORS = _count(
    "io_errors",
    "Times storage returned an error to one of the guest's disks; the guest sees it or is paused.",
    _EVENT + "IO_ERROR_REASON",
)
MEMORY_FAILURES = _count(
    "memory_failures", "Times a memory error of the node's hardware hit the guest.", _EVENT + "MEMORY_FAILURE"
)
REBOOTS = _count(
    "reboots",
    "Times the guest rebooted from inside. Again and again: it does not get up; look at its console.",
    _EVENT + "REBOOT",
)
STARTED = _seldom(
    "started", "Times the guest was started, restored or arrived.", _EVENT + "LIFECYCLE started"
)
STOPPED = _seldom(
    "stopped",
    "Times the guest ended, for whatever reason; the state's reason says which.",
    _EVENT + "LIFECYCLE stopped",
)
SUSPENDED = _seldom(
    "suspended", "Times the guest was paused, by somebody or by an error.", _EVENT + "LIFECYCLE suspended"
)
RESUMED = _seldom(
    "resumed", "Times the guest went on after it had been paused.", _EVENT + "LIFECYCLE resumed"
)
MIGRATED = _seldom(
    "migrated",
    "Times the guest left for another node; argus placements UUID says for which.",
    _EVENT + "LIFECYCLE stopped (migrated)",
)
JOBS = _seldom(
    "jobs", "Migrations and other jobs that ended; the last job's values say how.", _EVENT + "JOB_COMPLETED"
)
BLOCK_JOBS = _seldom(
    "block_jobs",
    "Changes of block jobs: copy, commit, backup. Many: a backup tool that tries again and again.",
    _EVENT + "BLOCK_JOB_2",
)
AGENT_CHANGES = _seldom(
    "agent_changes",
    "Times the guest agent came or went: often is a guest that reboots, or an agent that crashes.",
    _EVENT + "AGENT_LIFECYCLE",
)
BY_KIND = {
    metric.name: metric
    for metric in (
        CRASHED,
        PANICKED,
        WATCHDOGS,
        IO_ERRORS,
        MEMORY_FAILURES,
        REBOOTS,
        STARTED,
        STOPPED,
        SUSPENDED,
        RESUMED,
        MIGRATED,
        JOBS,
        BLOCK_JOBS,
        AGENT_CHANGES,
    )
}
LISTENING = Metric(
    "events",
    "listening",
    "Whether libvirt tells its events to the agent. Without, changes are seen at the next interval and "
    "what came between is not counted.",
    "virConnectDomainEventRegisterAny",
    NODE,
    Kind.STATE,
    states={0: "no", 1: "yes"},
)
RECEIVED = Metric(
    "events",
    "received",
    "Events of all guests that libvirt told the agent. A burst is guests that start, move or fail together.",
    "agent",
    NODE,
    Kind.COUNTER,
    rare=True,
)
LOST = Metric(
    "events",
    "lost",
    "Events that were not counted by guest: more guests had some than the agent keeps between two intervals.",
    "agent",
    NODE,
    Kind.COUNTER,
    shown=False,
    rare=True,
)
# It begins in the interval in which it happened: were it "within ten minutes", a problem that it depends on
# would, once over, be followed by this one, about the same crash.
_HAPPENED, _OVER = "last(@1)>0", "max(@1,10m)=0"

SUBSYSTEM = Subsystem(
    "guest_events",
    "Events",
    (LISTENING, RECEIVED, LOST, *BY_KIND.values()),
    triggers=(
        Trigger(
            "events_missing",
            "libvirt tells the agent no events",
            (LISTENING,),
            "max(@1,5m)=0",
            Severity.WARNING,
            "notice",
            "Crashes, panics, I/O errors and ended migrations are noticed late or not at all. The agent "
            "tries "
            "again by itself: its log says what libvirtd answers; restart the agent when that does not help.",
            recovery="min(@1,1m)=1",
            opdata="Listening: {ITEM.LASTVALUE1}",
            depends_on=("libvirt_down",),
        ),
        Trigger(
            "guest_panicked",
            "Guest's kernel panicked",
            (PANICKED,),
            _HAPPENED,
            Severity.HIGH,
            "availability",
            "The guest's kernel panicked within 10 minutes; it may have been restarted since. Its owner "
            "finds the reason in the console log (openstack console log show) or in a crash dump.",
            recovery=_OVER,
            opdata="Times, when it began: {ITEM.VALUE1}",
            manual_close=True,
            depends_on=("guest_broken",),
        ),
        Trigger(
            "guest_watchdog",
            "Guest's watchdog fired",
            (WATCHDOGS,),
            _HAPPENED,
            Severity.AVERAGE,
            "availability",
            "The guest hung and its watchdog acted (reset, pause or power off, as hw:watchdog_action says). "
            "Look at its console, and whether its vCPUs or disks had to wait (steal, latency).",
            recovery=_OVER,
            opdata="Times, when it began: {ITEM.VALUE1}",
            manual_close=True,
            depends_on=("guest_broken",),
        ),
        Trigger(
            "guest_io_error",
            "Storage returned an error to a disk of the guest",
            (IO_ERRORS,),
            _HAPPENED,
            Severity.AVERAGE,
            "availability",
            "An I/O error reached the guest, or paused it, within 10 minutes. Look at the storage behind its "
            "disks (a full pool, a lost volume) and at the node's kernel log; its file systems may be "
            "read-only.",
            recovery=_OVER,
            opdata="Times, when it began: {ITEM.VALUE1}",
            manual_close=True,
            depends_on=("guest_broken",),
        ),
        Trigger(
            "guest_memory_failure",
            "A memory error of the node hit the guest",
            (MEMORY_FAILURES,),
            _HAPPENED,
            Severity.HIGH,
            "availability",
            "The node's memory has an error that could not be corrected, in a page of this guest. Move all "
            "guests away and replace the module: rasdaemon, mcelog or the BMC name it.",
            recovery=_OVER,
            opdata="Times, when it began: {ITEM.VALUE1}",
            manual_close=True,
        ),
    ),
    graphs=(
        Graph(
            "Guest events",
            (
                *(CRASHED, PANICKED, WATCHDOGS, IO_ERRORS, MEMORY_FAILURES, REBOOTS),
                guest_memory_events.EVENTS["oom_kill"],
            ),
        ),
        Graph("Events of guests", (RECEIVED,), page="Guests"),
    ),
)
