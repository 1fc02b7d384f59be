"""Whether libvirtd of the node answers: without it nobody can start, stop or see guests."""

from __future__ import annotations

from argus.catalogue.model import LIBVIRT_CALL, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

UP = Metric(
    "libvirt",
    "up",
    "Whether libvirtd answered within the agent's deadline. Guests go on running without it, unmanaged.",
    "virConnectGetAllDomainStats",
    kind=Kind.STATE,
    states={0: "does not answer", 1: "answers"},
)
CALL = Metric(
    "libvirt",
    "call_seconds",
    "Time that the last answered bulk call took. Growing: a guest's QEMU is slow to answer, or libvirtd is "
    "busy.",
    "virConnectGetAllDomainStats",
    unit=Unit.SECONDS,
)
AGE = Metric(
    "libvirt",
    "last_success_age_seconds",
    "Time since libvirtd last answered in full. Above the agent's interval guests' values are missing.",
    "agent",
    unit=Unit.SECONDS,
)
UNRESPONSIVE = Metric(
    "libvirt",
    "guests_unresponsive",
    "Guests whose QEMU does not answer libvirtd: they cannot be stopped or migrated, and most of their "
    "values are missing. Usually QEMU waits for storage.",
    "virDomainGetControlInfo",
)
VERSION = Metric(
    "libvirt",
    "version",
    "Version of libvirtd. Between nodes of different versions a live migration may be refused.",
    "virConnectGetLibVersion",
    kind=Kind.INFO,
)
HYPERVISOR = Metric(
    "libvirt",
    "hypervisor",
    "Version of QEMU that new guests get; those that run keep theirs.",
    "virConnectGetVersion",
    kind=Kind.INFO,
)
LATENCY = Metric(
    "libvirt",
    "latency_seconds",
    "Time that the last call of this kind took. All slow: libvirtd is busy; only stats slow: a QEMU is.",
    "agent",
    LIBVIRT_CALL,
    unit=Unit.SECONDS,
    shown=False,
)
FAILURES = Metric(
    "libvirt",
    "call_failures",
    "Questions of this kind, asked every few minutes, that libvirtd answered with an error: their values are "
    "missing. The agent's log has the error; pools need virtstoraged or libvirt's storage driver.",
    "agent",
    LIBVIRT_CALL,
    Kind.COUNTER,
    shown=False,
    rare=True,
)
WITHOUT_QEMU = Metric(
    "libvirt",
    "guests_without_process",
    "Guests that libvirt takes for running but whose process is not there, or is a zombie. Look for the "
    "guest's UUID first (pgrep -f): only where there is no process, restart libvirtd, which looks again, and "
    "start them. Guests whose process this agent cannot see or read do not count here but as unread.",
    "agent, from libvirt's answer and /proc",
)
WITHOUT_DOMAIN = Metric(
    "libvirt",
    "processes_without_guest",
    "QEMU processes of libvirt's status files that libvirt does not take for running: guests that nobody "
    "can stop or move, and that may write to disks which another node uses too.",
    "agent, from libvirt's answer and /run/libvirt/qemu/*.xml",
)

SUBSYSTEM = Subsystem(
    "libvirt",
    "libvirt",
    (UP, CALL, AGE, UNRESPONSIVE, WITHOUT_QEMU, WITHOUT_DOMAIN, VERSION, HYPERVISOR, LATENCY, FAILURES),
    triggers=(
        Trigger(
            "libvirt_down",
            "libvirtd does not answer",
            (UP,),
            "max(@1,1m)=0",
            Severity.HIGH,
            "availability",
            "libvirtd of the node did not answer for a minute. Its guests still run but cannot be managed, "
            "and their values are missing. See systemctl status libvirtd (or virtqemud), its log, and "
            "whether it hangs on storage (processes in state D); restarting it does not touch the guests.",
            recovery="min(@1,30s)=1",
            opdata="libvirtd: {ITEM.LASTVALUE1}",
            depends_on=("node_data_missing",),
        ),
        Trigger(
            "guest_unresponsive",
            "A guest's QEMU does not answer libvirtd",
            (UNRESPONSIVE,),
            "min(@1,1m)>{$ARGUS.NODE.UNRESPONSIVE.MAX}",
            Severity.AVERAGE,
            "availability",
            "libvirtd answers, but the monitor of at least one guest did not for a minute. virsh domcontrol "
            "DOMAIN says occupied for it. Look at the state of its QEMU process (ps: D waits for storage, T "
            "was stopped) and at the storage behind its disks.",
            recovery="max(@1,1m)<={$ARGUS.NODE.UNRESPONSIVE.MAX}",
            event_name="A guest's QEMU does not answer libvirtd (more than "
            "{$ARGUS.NODE.UNRESPONSIVE.MAX} for "
            "1m)",
            opdata="Guests: {ITEM.LASTVALUE1}",
            depends_on=("libvirt_down",),
        ),
        Trigger(
            "process_without_guest",
            "A QEMU process runs that libvirt does not know",
            (WITHOUT_DOMAIN,),
            "min(@1,5m)>{$ARGUS.NODE.STRAY.MAX}",
            Severity.HIGH,
            "availability",
            "A guest's process is there but libvirt does not manage it: Nova may start the same guest "
            "elsewhere, and two writers destroy its disk. Compare virsh list with the processes (pgrep -a "
            "qemu); restart libvirtd, which takes running guests over; else stop the process.",
            recovery="max(@1,1m)<={$ARGUS.NODE.STRAY.MAX}",
            event_name="QEMU processes run that libvirt does not know (more than {$ARGUS.NODE.STRAY.MAX} "
            "for 5m)",
            opdata="Processes: {ITEM.LASTVALUE1}",
            depends_on=("libvirt_down",),
        ),
        Trigger(
            "libvirt_updated",
            "Version of libvirtd or QEMU has changed",
            (VERSION, HYPERVISOR),
            "(last(@1,#1)<>last(@1,#2) and length(last(@1))>0) or "
            "(last(@2,#1)<>last(@2,#2) and length(last(@2))>0)",
            Severity.INFO,
            "notice",
            "Packages of the node were upgraded or taken back. Guests that run keep the QEMU that they were "
            "started with until they are migrated or restarted; nodes with older versions may not take them "
            "back. Closes by itself.",
            opdata="libvirtd: {ITEM.LASTVALUE1}, QEMU: {ITEM.LASTVALUE4}",
            manual_close=True,
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.UNRESPONSIVE.MAX", "0", "Guests whose QEMU may be silent for a minute."),
        Macro("ARGUS.NODE.STRAY.MAX", "0", "QEMU processes without a guest that are accepted."),
    ),
    graphs=(
        Graph("Guests that hang or are lost", (UNRESPONSIVE, WITHOUT_QEMU, WITHOUT_DOMAIN)),
        Graph("libvirt", (CALL, AGE)),
    ),
)
