"""Prometheus' text format, written from samples.

https://prometheus.io/docs/instrumenting/exposition_formats/.  Not prometheus_client, which takes four
times as long for it and keeps copies of all series meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from argus.catalogue.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from argus.catalogue.model import Metric, Sample

MAX_STATES_IN_HELP = 10

_Labels = tuple[str, ...]


def exposition(samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the text of one name after the other, so that only one is in memory as text.

    The texts of one subsystem become labels of one ``_info`` series.
    """
    metrics: defaultdict[int, list[Sample]] = defaultdict(list)  # by identity: a metric's hash is dear
    for sample in samples:
        metrics[id(sample[0])].append(sample)
    families: dict[str, list[list[Sample]]] = {}
    for found in metrics.values():
        if found[0].metric.listing:
            continue
        families.setdefault(found[0].metric.prometheus_name, []).append(found)
    written: dict[_Labels, _Written] = {}
    for name, parts in families.items():
        metric = parts[0][0].metric
        lines = [_head(name, metric)]
        if metric.kind is Kind.INFO:
            lines += _infos(name, parts)
        for part in parts if metric.kind is not Kind.INFO else ():
            names = part[0].metric.entity.labels
            labels = written.setdefault(names, _Written(names))
            lines += [f"{name}{labels[values]} {value}\n" for _, value, values, _ in part]
        yield "".join(lines)


class _Written(dict[_Labels, str]):
    """Labels as text, by their values; many metrics share them."""

    def __init__(self, names: _Labels) -> None:
        self._names = names

    def __missing__(self, values: _Labels) -> str:
        pairs = ",".join(map(_pair, self._names, values))
        text = self[values] = f"{{{pairs}}}" if pairs else ""
        return text


def _infos(name: str, parts: list[list[Sample]]) -> Iterator[str]:
    texts: dict[_Labels, list[str]] = {}
    for metric, value, values, _ in (sample for part in parts for sample in part):
        if values not in texts:
            texts[values] = list(map(_pair, metric.entity.labels, values))
        texts[values].append(_pair(metric.info_label, str(value)))
    for series in texts.values():
        yield f"{name}{{{','.join(series)}}} 1\n"


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
