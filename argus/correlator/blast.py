"""Whom a trouble hits: the guests of a node and the projects that own them, in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argus.correlator.facts import Placement

NAMED = 25  # a page names so many and counts the rest


def hit(guests: Iterable[Placement]) -> dict[str, str]:
    """Return lines of evidence: the guests by name, and how many each project has among them."""
    known = sorted(guests, key=lambda placement: (placement.label, placement.guest))
    if not known:
        return {}
    projects = Counter(placement.project or "unknown project" for placement in known)
    return {
        "guests hit": f"{len(known)}: {listed([placement.label for placement in known])}",
        "projects hit": listed([f"{name} ({number})" for name, number in projects.most_common()]),
    }


def listed(names: Sequence[str]) -> str:
    """Return the names with commas, the first ones of a long list."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
