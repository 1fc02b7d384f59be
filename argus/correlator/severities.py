"""Severities in their order."""

from __future__ import annotations

from argus.catalogue.model import Severity


def severer(one: Severity, other: Severity) -> Severity:
    """Return the more severe of two, the first if they are the same."""
    return max(one, other, key=list(Severity).index)
