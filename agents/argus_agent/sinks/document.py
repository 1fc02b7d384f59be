"""The JSON documents of Argus: one for the node, one a guest, in which Zabbix' dependent items look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.catalogue.model import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.catalogue.model import Entity, Sample, Value

Document = dict[str, Any]
_Labels = tuple[str, ...]
AGAIN = "again"  # passed on by the discovery rules, and no label
NODE = ""
"""Key of the node's document; guests' documents have their UUIDs."""


def documents(told: Iterable[Sample | Row]) -> Iterator[tuple[str, Document]]:
    """Yield the document of each Zabbix host: the node's (``NODE``), then those of guests by UUID.

    One after the other, so that a full node's are not in memory together.

    A document is flat: ``{field: value}``, and for what has labels below its Zabbix host
    ``{plural: [{label: .., field: value}]}``, as ``Metric.field`` and ``Entity.plural`` say.
    """
    owners: dict[str, list[Sample | Row]] = {NODE: []}
    for one in told:
        owner = one.labels[0] if entity_of(one).of_guest else NODE
        owners.setdefault(owner, []).append(one)
    for owner, own in owners.items():
        yield owner, _document(own)


def mark_lists(document: Document, mark: int) -> None:
    """Make every list look changed, so that Zabbix' discovery takes it in again though it is as before."""
    for part in document.values():
        if isinstance(part, list):
            for row in part:
                row[AGAIN] = mark


def entity_of(one: Sample | Row) -> Entity:
    """What it is about."""
    return one.metrics[0].entity if isinstance(one, Row) else one.metric.entity


def _document(told: Iterable[Sample | Row]) -> Document:
    document: Document = {}
    rows: dict[tuple[str, _Labels], Document] = {}
    for one in told:
        entity = entity_of(one)
        place = _row(document, rows, entity, one.labels) if entity.plural else document
        if isinstance(one, Row):
            for metric, value in zip(one.metrics, one.values, strict=True):
                if value is not None:
                    place[metric.field] = _short(value)
        else:
            place[one.metric.field] = _short(one.value)
    return document


def _row(
    document: Document, rows: dict[tuple[str, _Labels], Document], entity: Entity, labels: _Labels
) -> Document:
    key = (entity.plural, labels)
    row = rows.get(key)
    if row is None:
        own = labels[1:] if entity.of_guest else labels
        row = rows[key] = dict(zip(entity.own_labels, own, strict=True))
        document.setdefault(entity.plural, []).append(row)
    return row


def _short(value: Value) -> Value:
    """Leave out digits that are no information: whole numbers as such, others to 12 places."""
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else float(f"{value:.12g}")
