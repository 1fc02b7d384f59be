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
        averages, found, total = line.rpartition(" total=")
        if not (found and total.isdecimal()):
            raise ValueError(f"{text!r} is not pressure stall information")
        stalled[averages.partition(" ")[0]] = int(total) / 1e6
    return stalled
