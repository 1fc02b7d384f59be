"""The newest round of probes as Prometheus' series ``argus_service_*``, named by the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily

from argus.catalogue import openstack_service
from argus.catalogue.model import Kind
from argus.services_round import SOURCE
from argus.services_values import exported, samples
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric as Family
    from sqlalchemy.orm import Session

    from argus.catalogue.model import Metric, Sample


def collect(session: Session, now: float) -> Iterator[Family]:
    """Yield what was found; without a round there is no series: absent is not down."""
    row = snapshots.get(session, SOURCE)
    if row is None or not row.payload:
        return
    found: Mapping[str, Any] = row.payload
    told: list[Sample] = [
        openstack_service.ROUND_AGE.sample(max(0.0, now - found["at"])),
        openstack_service.ROUND_SECONDS.sample(found["seconds"]),
    ]
    for entry in found["services"]:
        told += [*samples(entry), *exported(entry)]
    yield from _families(told)


def _families(told: list[Sample]) -> Iterator[Family]:
    """Group samples; the texts of a service are labels of one series."""
    families: dict[str, GaugeMetricFamily] = {}
    texts: dict[tuple[str, ...], dict[str, str]] = {}
    for of, value, labels, _ in told:
        if of.kind is Kind.INFO:
            texts.setdefault(labels, {})[of.info_label] = str(value)
        else:
            _family(families, of).add_metric(labels, float(value))
    if texts:
        words = (openstack_service.VERSION, openstack_service.DETAIL)
        info = GaugeMetricFamily(
            words[0].prometheus_name,
            " ".join(of.help for of in words),
            labels=(*openstack_service.WHERE, *(of.info_label for of in words)),
        )
        for where, said in texts.items():
            info.add_metric((*where, *(said.get(of.info_label, "") for of in words)), 1)
        yield info
    yield from families.values()


def _family(families: dict[str, GaugeMetricFamily], of: Metric) -> GaugeMetricFamily:
    made = families.get(of.prometheus_name)
    if made is None:
        made = GaugeMetricFamily(of.prometheus_name, of.help, labels=of.entity.labels)
        families[of.prometheus_name] = made
    return made
