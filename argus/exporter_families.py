"""Prometheus' families as the catalogue declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from argus.catalogue.exported import Series


def family(of: Series) -> GaugeMetricFamily | CounterMetricFamily:
    """Return an empty family; samples without a value are left out, never 0."""
    kind = CounterMetricFamily if of.counter else GaugeMetricFamily
    made: GaugeMetricFamily | CounterMetricFamily = kind(of.name, of.help, labels=of.labels)
    return made


def single(of: Series, value: float) -> GaugeMetricFamily | CounterMetricFamily:
    """Return the family of one sample without labels."""
    made = family(of)
    made.add_metric((), value)
    return made
