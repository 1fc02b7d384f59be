"""Pressure stall information: how long tasks stood still for want of a resource.

https://docs.kernel.org/accounting/psi.html, for the machine (/proc/pressure) and for cgroups alike.
"""

from __future__ import annotations


def parse_pressure(text: str) -> dict[str, float]:
    """Return seconds stalled since boot by kind: ``some`` (a task waited), ``full`` (all of them did).

    A line without ``total=`` is passed over.  Raises ``ValueError`` when there is no other.
    """
    stalled = {}
    for line in text.splitlines():
        kind, *fields = line.split() or [""]
        totals = [field[6:] for field in fields if field.startswith("total=")]
        if len(totals) == 1 and totals[0].isascii() and totals[0].isdecimal() and len(totals[0]) <= 20:
            stalled[kind] = int(totals[0]) / 1e6
    if not stalled:
        raise ValueError(f"{text[:80]!r} is not pressure stall information")
    return stalled
