"""Prometheus' text format, written from samples.

https://prometheus.io/docs/instrumenting/exposition_formats/.  Not prometheus_client, which takes four
times as long for it and keeps copies of all series meanwhile.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue.model import Kind, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from argus.catalogue.model import Metric, Sample, Value

MAX_STATES_IN_HELP = 10

_Labels = tuple[str, ...]


class _Column(NamedTuple):
    """Values of one metric, and the labels of each: as they are, and as text."""

    metric: Metric
    labels: Sequence[_Labels]
    texts: Sequence[str]
    values: Sequence[Value | None]


def exposition(told: Iterable[Sample | Row]) -> Iterator[str]:
    """Yield the text of one name after the other, so that only one is in memory as text.

    The texts of one subsystem become labels of one ``_info`` series.
    """
    families: dict[str, list[_Column]] = {}
    for column in _columns(told):
        if not column.metric.listing:
            families.setdefault(column.metric.prometheus_name, []).append(column)
    for name, columns in families.items():
        metric = columns[0].metric
        lines = [_head(name, metric)]
        if metric.kind is Kind.INFO:
            lines += _infos(name, columns)
        for column in columns if metric.kind is not Kind.INFO else ():
            pairs = zip(column.texts, column.values, strict=True)
            lines += [f"{name}{labels} {value}\n" for labels, value in pairs if value is not None]
        if len(lines) > 1:
            yield "".join(lines)


def _columns(told: Iterable[Sample | Row]) -> Iterator[_Column]:
    """Yield what was told metric by metric; one may come in several columns."""
    samples: defaultdict[int, list[Sample]] = defaultdict(list)  # by identity: a metric's hash is dear
    rows: defaultdict[int, list[Row]] = defaultdict(list)
    for one in told:
        if isinstance(one, Row):
            rows[id(one.metrics)].append(one)
        else:
            samples[id(one.metric)].append(one)
    written: dict[_Labels, _Written] = {}
    for found in samples.values():
        metric, labels = found[0].metric, [one.labels for one in found]
        yield _Column(metric, labels, _texts(metric, labels, written), [one.value for one in found])
    for table in rows.values():
        metrics, labels = table[0].metrics, [row.labels for row in table]
        texts = _texts(metrics[0], labels, written)
        columns = zip(*(row.values for row in table), strict=True)
        for metric, values in zip(metrics, columns, strict=True):
            yield _Column(metric, labels, texts, values)


def _texts(metric: Metric, labels: list[_Labels], written: dict[_Labels, _Written]) -> list[str]:
    names = metric.entity.labels
    return list(map(written.setdefault(names, _Written(names)).__getitem__, labels))


class _Written(dict[_Labels, str]):
    """Labels as text, by their values; many metrics share them."""

    def __init__(self, names: _Labels) -> None:
        self._names = names

    def __missing__(self, values: _Labels) -> str:
        pairs = ",".join(map(_pair, self._names, values))
        text = self[values] = f"{{{pairs}}}" if pairs else ""
        return text


def _infos(name: str, columns: list[_Column]) -> Iterator[str]:
    texts: dict[_Labels, list[str]] = {}
    for metric, labels, _, values in columns:
        names, label = metric.entity.labels, metric.info_label
        for of, value in zip(labels, values, strict=True):
            if value is not None:
                if of not in texts:
                    texts[of] = list(map(_pair, names, of))
                texts[of].append(_pair(label, str(value)))
    for series in texts.values():
        yield f"{name}{{{','.join(series)}}} 1\n"


@functools.cache
def _head(name: str, metric: Metric) -> str:
    help_text = _help(metric).replace("\\", "\\\\").replace("\n", "\\n")
    kind = "counter" if metric.kind is Kind.COUNTER else "gauge"
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n"


def _help(metric: Metric) -> str:
    if metric.kind is Kind.INFO:
        return f"Texts of {metric.entity.name}: {metric.subsystem}."
    if 0 < len(metric.states) <= MAX_STATES_IN_HELP:
        states = ", ".join(f"{number} = {name}" for number, name in metric.states.items())
        return f"{metric.help} {states}."
    return metric.help


def _pair(label: str, value: str) -> str:
    if "\\" in value or "\n" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'{label}="{value}"'
