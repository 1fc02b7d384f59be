"""How many tasks of the node run or wait."""

from __future__ import annotations

from argus.catalogue.model import Graph, Metric, Subsystem, Unit

LOAD1 = Metric("load", "avg1", "Load average over 1 minute; compare with the CPUs online.", "/proc/loadavg")
LOAD5 = Metric("load", "avg5", "Load average over 5 minutes.", "/proc/loadavg")
LOAD15 = Metric("load", "avg15", "Load average over 15 minutes.", "/proc/loadavg")
RUNNING = Metric("load", "tasks_running", "Tasks that run or want to run now.", "/proc/stat procs_running")
BLOCKED = Metric(
    "load",
    "tasks_blocked",
    "Tasks that wait for I/O; many of them point at storage.",
    "/proc/stat procs_blocked",
)
UPTIME = Metric("load", "uptime_seconds", "Time since the node booted.", "/proc/uptime", unit=Unit.SECONDS)

SUBSYSTEM = Subsystem(
    "node_load",
    "Node load",
    (LOAD1, LOAD5, LOAD15, RUNNING, BLOCKED, UPTIME),
    graphs=(Graph("Node load", (LOAD1, LOAD5, LOAD15, BLOCKED)),),
)
