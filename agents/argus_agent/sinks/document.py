"""The JSON documents of Argus: one for the node, one a guest, in which Zabbix' dependent items look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.catalogue.model import Sample, Value

Document = dict[str, Any]
AGAIN = "again"  # passed on by the discovery rules, and no label
NODE = ""
"""Key of the node's document; guests' documents have their UUIDs."""


def documents(samples: Iterable[Sample]) -> Iterator[tuple[str, Document]]:
    """Yield the document of each Zabbix host: the node's (``NODE``), then those of guests by UUID.

    One after the other, so that a full node's are not in memory together.

    A document is flat: ``{field: value}``, and for what has labels below its Zabbix host
    ``{plural: [{label: .., field: value}]}``, as ``Metric.field`` and ``Entity.plural`` say.
    """
    owners: dict[str, list[Sample]] = {NODE: []}
    for sample in samples:
        owner = sample.labels[0] if sample.metric.entity.of_guest else NODE
        owners.setdefault(owner, []).append(sample)
    for owner, own in owners.items():
        yield owner, _document(own)


def mark_lists(document: Document, mark: int) -> None:
    """Make every list look changed, so that Zabbix' discovery takes it in again though it is as before."""
    for part in document.values():
        if isinstance(part, list):
            for row in part:
                row[AGAIN] = mark


def _document(samples: Iterable[Sample]) -> Document:
    document: Document = {}
    rows: dict[tuple[str, tuple[str, ...]], Document] = {}
    for metric, value, labels, _ in samples:
        entity = metric.entity
        place = document
        if entity.plural:
            key = (entity.plural, labels)
            row = rows.get(key)
            if row is None:
                own = labels[1:] if entity.of_guest else labels
                row = rows[key] = dict(zip(entity.own_labels, own, strict=True))
                document.setdefault(entity.plural, []).append(row)
            place = row
        place[metric.field] = _short(value)
    return document


def _short(value: Value) -> Value:
    """Leave out digits that are no information: whole numbers as such, others to 12 places."""
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else float(f"{value:.12g}")
