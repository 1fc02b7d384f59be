"""Prometheus' text format, written from samples.

https://prometheus.io/docs/instrumenting/exposition_formats/.  Not prometheus_client, which takes four
times as long for it and keeps copies of all series meanwhile.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

from argus.catalogue.model import Kind, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from argus.catalogue.model import Metric, Sample, Value

MAX_STATES_IN_HELP = 10

_Labels = tuple[str, ...]


def exposition(told: Iterable[Sample | Row]) -> Iterator[str]:
    """Yield the text of one name after the other, so that only one is in memory as text.

    The texts of one subsystem become labels of one ``_info`` series.
    """
    return filter(None, (family.text() for family in Exposition().families(told)))


class _Column:
    """Values of one metric, and the labels of each: as they are, and as text."""

    __slots__ = ("labels", "metric", "texts", "values")

    def __init__(
        self, metric: Metric, labels: Sequence[_Labels], texts: Sequence[str], values: Sequence[Value | None]
    ) -> None:
        self.metric = metric
        self.labels = labels
        self.texts = texts
        self.values = values


class Family:
    """All that has one name.

    ``still``: for how many cycles it has said the same; ``moved``: how often it said something new before.
    """

    __slots__ = ("columns", "moved", "name", "still")

    def __init__(self, name: str, columns: list[_Column], moved: int = 0) -> None:
        self.name = name
        self.columns = columns
        self.moved = moved
        self.still = 0

    def text(self) -> str:
        """Write it; empty where nothing is known."""
        metric = self.columns[0].metric
        lines = [_head(self.name, metric)]
        if metric.kind is Kind.INFO:
            lines += _infos(self.name, self.columns)
        else:
            for column in self.columns:
                lines += _lines(self.name, column)
        return "".join(lines) if len(lines) > 1 else ""


class Exposition:
    """Remembers what it was told, to say next time which names have anything new.

    Of a guest's hundred values most are what they were: limits, sizes, texts, counts of errors.
    """

    def __init__(self) -> None:
        self._tables: dict[int, _Table] = {}
        self._families: dict[str, Family] = {}

    def families(self, told: Iterable[Sample | Row]) -> Iterable[Family]:
        """Return what there is now, name by name: the same object where it says the same as before."""
        known, self._tables = self._tables, {}
        texts: dict[_Labels, _Texts] = {}
        for key, found in _by_metrics(told).items():
            before = known.get(key)
            if before is None or not before.says(found):
                before = _Table(found, before, texts)
            self._tables[key] = before
        columns: dict[str, list[_Column]] = {}
        for table in self._tables.values():
            for column in table.columns:
                columns.setdefault(column.metric.prometheus_name, []).append(column)
        families, self._families = self._families, {}
        for name, ours in columns.items():
            family = families.get(name)
            if family is None:
                family = Family(name, ours)
            elif _same(family.columns, ours):
                family.still += 1
            else:
                family = Family(name, ours, family.moved + 1)
            self._families[name] = family
        return self._families.values()


def _by_metrics(told: Iterable[Sample | Row]) -> dict[int, list[Sample | Row]]:
    """Return what was told by its metrics: those of samples, which are single, then those of rows.

    By identity, as a metric's hash is dear.
    """
    samples: dict[int, list[Sample | Row]] = {}
    rows: dict[int, list[Sample | Row]] = {}
    for one in told:
        found, key = (rows if type(one) is Row else samples), id(one[0])
        if key in found:
            found[key].append(one)
        else:
            found[key] = [one]
    samples.update(rows)
    return samples


class _Texts(dict[_Labels, str]):
    """Labels as text, by their values; many metrics share them."""

    def __init__(self, names: _Labels) -> None:
        self._names = names

    def __missing__(self, values: _Labels) -> str:
        pairs = ",".join(map(_pair, self._names, values))
        text = self[values] = f"{{{pairs}}}" if pairs else ""
        return text


class _Table:
    """What was told of the same metrics; a column that is as ``before`` is the one of before.

    Values and labels are kept, and not what carried them, which is as much again.
    """

    __slots__ = ("columns", "labels", "texts")

    def __init__(self, told: list[Sample | Row], before: _Table | None, texts: dict[_Labels, _Texts]) -> None:
        self.labels = [one.labels for one in told]
        self.texts: list[str]
        self.columns: list[_Column] = []
        kept: dict[int, _Column] = {}
        if before is not None and before.labels == self.labels:
            self.labels, self.texts = before.labels, before.texts
            kept = {id(column.metric): column for column in before.columns}
        else:
            names = _metrics(told[0])[0].entity.labels
            self.texts = list(map(texts.setdefault(names, _Texts(names)).__getitem__, self.labels))
        for metric, values in zip(_metrics(told[0]), _by_column(told), strict=True):
            old = kept.get(id(metric))
            if old is not None and old.values == values:
                self.columns.append(old)
            elif not metric.listing:
                self.columns.append(_Column(metric, self.labels, self.texts, values))

    def says(self, told: list[Sample | Row]) -> bool:
        """Whether these are samples, and the same ones: most names of the node are a single one."""
        if isinstance(told[0], Row) or len(told) != len(self.labels) or not self.columns:
            return False
        return self.columns[0].values == [one[1] for one in told] and self.labels == [one[2] for one in told]


def _metrics(one: Sample | Row) -> tuple[Metric, ...]:
    return one.metrics if isinstance(one, Row) else (one.metric,)


def _by_column(told: list[Sample | Row]) -> Sequence[Sequence[Value | None]]:
    values = [one[1] for one in told]
    if isinstance(told[0], Row):
        return list(zip(*values, strict=True))
    return [values]  # type: ignore[list-item]  # of a sample it is one


def _same(some: list[_Column], others: list[_Column]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _lines(name: str, column: _Column) -> list[str]:
    pairs = zip(column.texts, column.values, strict=True)
    return [f"{name}{labels} {value}\n" for labels, value in pairs if value is not None]


def _infos(name: str, columns: list[_Column]) -> Iterator[str]:
    texts: dict[_Labels, list[str]] = {}
    for column in columns:
        names, label = column.metric.entity.labels, column.metric.info_label
        for of, value in zip(column.labels, column.values, strict=True):
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
