"""The newest round of probes as Prometheus' series ``argus_service_*``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily

from argus.correlator.service import State
from argus.services_round import SOURCE
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric
    from sqlalchemy.orm import Session

LABELS = ("cloud", "region", "service")
LOCAL = {State.DOWN: 0, State.DEGRADED: 1, State.UP: 2}  # as in Zabbix; other states have no number


def collect(session: Session, now: float) -> Iterator[Metric]:
    """Yield what was found; without a round there is no series: absent is not down."""
    row = snapshots.get(session, SOURCE)
    if row is None or not row.payload:
        return
    found: Mapping[str, Any] = row.payload
    yield GaugeMetricFamily(
        "argus_service_round_age_seconds", "Age of the newest round of probes.", max(0.0, now - found["at"])
    )
    yield GaugeMetricFamily(
        "argus_service_round_duration_seconds", "Duration of the newest round.", found["seconds"]
    )
    yield from _of(found["services"])


def _of(services: list[dict[str, Any]]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "argus_service_state",
        "1 for the state that the service is in, 0 for the others.",
        labels=(*LABELS, "state"),
    )
    status = GaugeMetricFamily(
        "argus_service_probe_status",
        "0 down, 1 degraded, 2 up; absent while it is not known.",
        labels=LABELS,
    )
    since = GaugeMetricFamily(
        "argus_service_state_since_timestamp_seconds", "When the state began.", labels=LABELS
    )
    latency = GaugeMetricFamily(
        "argus_service_probe_latency_seconds", "Time that the service took to answer.", labels=LABELS
    )
    spent = GaugeMetricFamily(
        "argus_service_budget_spent_ratio", "Share of the month's error budget that is used.", labels=LABELS
    )
    parts = GaugeMetricFamily(
        "argus_service_parts",
        "Processes, agents and members by state.",
        labels=(*LABELS, "part", "state"),
    )
    for each in services:
        labels = (each["cloud"], each["region"], each["name"])
        for one in State:
            state.add_metric((*labels, one.value), float(each["state"] == one.value))
        if (number := LOCAL.get(State(each["state"]))) is not None:
            status.add_metric(labels, number)
        since.add_metric(labels, each["since"])
        if each["latency"] is not None:
            latency.add_metric(labels, each["latency"])
        if each["spent"] is not None:
            spent.add_metric(labels, each["spent"])
        for (kind, how), number in Counter((part[0], part[2]) for part in each["parts"]).items():
            parts.add_metric((*labels, kind, how), number)
    yield from (state, status, since, latency, spent, parts)
