"""How often the vCPUs of a guest were taken off a CPU while they wanted to go on."""

from __future__ import annotations

from argus.catalogue.model import GUEST, Graph, Kind, Metric, Subsystem

INVOLUNTARY = Metric(
    "vcpu",
    "involuntary_switches",
    "Times that the scheduler took the CPU from a vCPU which wanted to go on, all vCPUs together: somebody "
    "else runs on its CPUs (other guests, vhost, tasks of the node). Near 0 for a guest that has its CPUs "
    "to itself.",
    "/proc/PID/task/TID/status, nonvoluntary_ctxt_switches, of vCPU threads; every 5 minutes",
    GUEST,
    Kind.COUNTER,
)

SUBSYSTEM = Subsystem(
    "guest_switches",
    "Preemption of vCPUs",
    (INVOLUNTARY,),
    graphs=(Graph("vCPUs taken off their CPU", (INVOLUNTARY,)),),
)
