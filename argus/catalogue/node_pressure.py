"""Pressure stall information of the node: time lost for want of CPU, memory or I/O.

https://docs.kernel.org/accounting/psi.html
"""

from __future__ import annotations

from argus.catalogue.model import Graph, Kind, Metric, Subsystem, Unit

_WANT = {
    "cpu": "a CPU",
    "memory": "memory (reclaim, swap-in, refault)",
    "io": "block I/O",
    "irq": "a CPU that was handling interrupts",
}
_KIND = {"some": "at least one task", "full": "every task at once"}


def _stalled(resource: str, kind: str) -> Metric:
    return Metric(
        "pressure",
        f"{resource}_{kind}_seconds",
        f"Time in which {_KIND[kind]} stood still for want of {_WANT[resource]}.",
        f"/proc/pressure/{resource}, total= of {kind}",
        kind=Kind.COUNTER,
        unit=Unit.SECONDS,
    )


STALLED = {
    (resource, kind): _stalled(resource, kind)
    for resource, kinds in {
        "cpu": ("some",),  # full is always 0 for the whole machine
        "memory": ("some", "full"),
        "io": ("some", "full"),
        "irq": ("full",),
    }.items()
    for kind in kinds
}

# Told to the correlator as rates, which are shares of time.
JUDGED = (STALLED["cpu", "some"], STALLED["memory", "some"], STALLED["io", "some"])

SUBSYSTEM = Subsystem(
    "node_pressure",
    "Pressure of the node",
    tuple(STALLED.values()),
    graphs=(Graph("Pressure", (*JUDGED, *(each for each in STALLED.values() if each not in JUDGED))),),
)
