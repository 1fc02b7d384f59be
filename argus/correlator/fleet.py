"""Sums over all nodes that report, for the exporter's ``argus_fleet_*``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus.catalogue.model import NODE, Kind, Metric, Unit

if TYPE_CHECKING:
    from argus.correlator.facts import Facts

SUMMED: tuple[Metric, ...] = tuple(
    metric
    for metric in allocation.SUBSYSTEM.metrics
    if metric.kind is Kind.GAUGE and metric.entity is NODE and metric.unit is not Unit.RATIO
)


def fleet_sums(facts: Facts, stale_after: float, now: float) -> dict[str, float]:
    """Return name without ``argus_fleet_`` -> sum over nodes with a recent value.

    A sum that no node contributes to is left out.
    """
    sums = {
        "nodes": float(len(facts.nodes)),
        "nodes_reporting": float(sum(1 for node in facts.nodes if now - node.at <= stale_after)),
    }
    for metric in SUMMED:
        known = [
            value
            for node in facts.nodes
            if now - node.clock(metric.field) <= stale_after
            and (value := node.number(metric.field)) is not None
        ]
        if known:
            sums[metric.field] = sum(known)
    return sums
