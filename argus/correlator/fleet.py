"""Sums over all nodes that report, for the exporter's ``argus_fleet_*``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.exported_fleet import NODES, NODES_REPORTING, SUMMED

if TYPE_CHECKING:
    from argus.correlator.facts import Facts


def fleet_sums(facts: Facts, stale_after: float, now: float) -> dict[str, float]:
    """Return name without ``argus_fleet_`` -> sum over nodes with a recent value.

    A sum that no node contributes to is left out.
    """
    sums = {
        NODES: float(len(facts.nodes)),
        NODES_REPORTING: float(sum(1 for node in facts.nodes if now - node.newest <= stale_after)),
    }
    for metric in SUMMED:
        known = [
            value
            for node in facts.nodes
            if node.age_of(metric.field, now) <= stale_after
            and (value := node.number(metric.field)) is not None
        ]
        if known:
            sums[metric.field] = sum(known)
    return sums
