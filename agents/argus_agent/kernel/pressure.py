"""Pressure stall information: how long tasks stood still for want of a resource.

https://docs.kernel.org/accounting/psi.html, for the machine (/proc/pressure) and for cgroups alike.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"^(\w+) .*\btotal=([0-9]+)$", re.MULTILINE)


def parse_pressure(text: str) -> dict[str, float]:
    """Return seconds stalled since boot by kind: ``some`` (a task waited), ``full`` (all of them did).

    Raises ``ValueError`` for a line without ``total=``.
    """
    found = _LINE.findall(text)
    if len(found) != len(text.splitlines()):
        raise ValueError(f"{text!r} is not pressure stall information")
    return {kind: int(total) / 1e6 for kind, total in found}
