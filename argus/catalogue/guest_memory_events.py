"""Memory events of a guest's control group: how close its QEMU came to being killed.

https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""

from __future__ import annotations

from argus.catalogue.model import GUEST, Kind, Metric, Subsystem

_HELP = {
    "high": "Times QEMU was slowed down because its cgroup passed memory.high.",
    "max": "Times QEMU was about to pass the limit of its cgroup.",
    "oom": "Times an allocation of QEMU failed at the limit of its cgroup.",
    "oom_kill": (
        "Processes of the guest killed for want of memory: raise the limit of its cgroup, or "
        "reserve more for the node."
    ),
}

EVENTS = {
    name: Metric(
        "memory_events",
        name,
        text,
        f"memory.events of the guest's cgroup (version 2), {name}",
        entity=GUEST,
        kind=Kind.COUNTER,
        shown=name == "oom_kill",
        rare=name == "oom_kill",
    )
    for name, text in _HELP.items()
}

SUBSYSTEM = Subsystem("guest_memory_events", "Memory events of the guest", tuple(EVENTS.values()))
