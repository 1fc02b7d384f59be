"""Pressure stall information: how long tasks stood still for want of a resource.

https://docs.kernel.org/accounting/psi.html, for the machine (/proc/pressure) and for cgroups alike.
"""

from __future__ import annotations


def parse_pressure(text: str) -> dict[str, float]:
    """Return seconds stalled since boot by kind: ``some`` (a task waited), ``full`` (all of them did).

    Raises ``ValueError`` for a line without ``total=``.
    """
    stalled = {}
    for line in text.splitlines():
        kind, *fields = line.split()
        totals = [field.removeprefix("total=") for field in fields if field.startswith("total=")]
        if len(totals) != 1:
            raise ValueError(f"{line!r} is not a line of pressure stall information")
        stalled[kind] = int(totals[0]) / 1e6
    return stalled
