"""How many tasks of the node run or wait, and since when it runs."""

from __future__ import annotations

from argus.catalogue import node_cpu
from argus.catalogue.model import Graph, Macro, Metric, Severity, Subsystem, Trigger, Unit

LOAD1 = Metric("load", "avg1", "Load average over 1 minute; compare with the CPUs online.", "/proc/loadavg")
LOAD5 = Metric("load", "avg5", "Load average over 5 minutes; compare with the CPUs online.", "/proc/loadavg")
LOAD15 = Metric(
    "load", "avg15", "Load average over 15 minutes; compare with the CPUs online.", "/proc/loadavg"
)
RUNNING = Metric(
    "load",
    "tasks_running",
    "Tasks that run or want to run now. More than CPUs: some wait, and guests have steal.",
    "/proc/stat procs_running",
)
BLOCKED = Metric(
    "load",
    "tasks_blocked",
    "Tasks that wait for I/O; many of them point at storage.",
    "/proc/stat procs_blocked",
)
UPTIME = Metric(
    "load",
    "uptime_seconds",
    "Time since the node booted. Short: it was restarted, and its guests with it.",
    "/proc/uptime",
    unit=Unit.SECONDS,
)

SUBSYSTEM = Subsystem(
    "node_load",
    "Node load",
    (LOAD1, LOAD5, LOAD15, RUNNING, BLOCKED, UPTIME),
    triggers=(
        Trigger(
            "node_rebooted",
            "Node has been restarted",
            (UPTIME,),
            "last(@1)<{$ARGUS.NODE.UPTIME.MIN}",
            Severity.WARNING,
            "notice",
            "All guests of the node went down with it. See that those which should run do "
            "(resume_guests_state_on_host_boot of Nova), and why it restarted: last -x reboot, journalctl -b "
            "-1, the BMC's log. Closes by itself.",
            event_name="Node has been restarted (less than {$ARGUS.NODE.UPTIME.MIN} ago)",
            opdata="Uptime: {ITEM.LASTVALUE1}",
            manual_close=True,
            depends_on=("node_data_missing",),
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.UPTIME.MIN", "10m", "A node that runs for less is told to have been restarted."),
    ),
    graphs=(Graph("Node load", (LOAD1, LOAD5, LOAD15, RUNNING, BLOCKED, node_cpu.ONLINE)),),
)
