"""Pressure stall information of a guest's control group: what its QEMU waited for.

https://docs.kernel.org/accounting/psi.html#cgroup2-interface
"""

from __future__ import annotations

from argus.catalogue.model import GUEST, Graph, Kind, Metric, Subsystem, Unit

_WANT = {"cpu": "a CPU", "memory": "memory", "io": "block I/O"}
_KIND = {"some": "a thread", "full": "every thread"}


def _stalled(resource: str, kind: str) -> Metric:
    return Metric(
        "pressure",
        f"{resource}_{kind}_seconds",
        f"Time in which {_KIND[kind]} of the guest's QEMU stood still for want of {_WANT[resource]}.",
        f"{resource}.pressure of the guest's cgroup (version 2), total= of {kind}",
        entity=GUEST,
        kind=Kind.COUNTER,
        unit=Unit.SECONDS,
        shown=kind == "some",
    )


STALLED = {(resource, kind): _stalled(resource, kind) for resource in _WANT for kind in _KIND}

SUBSYSTEM = Subsystem(
    "guest_pressure",
    "Pressure of the guest",
    tuple(STALLED.values()),
    graphs=(Graph("Pressure", tuple(STALLED[resource, "some"] for resource in _WANT)),),
)
