"""Prometheus' text format, written from samples.

https://prometheus.io/docs/instrumenting/exposition_formats/.  Not prometheus_client, which takes four
times as long for it and keeps copies of all series meanwhile.
"""

from __future__ import annotations

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
    metrics: dict[int, list[Sample]] = {}  # by identity: a metric's hash is dear
    for sample in samples:
        metrics.setdefault(id(sample.metric), []).append(sample)
    families: dict[str, list[list[Sample]]] = {}
    for found in metrics.values():
        families.setdefault(found[0].metric.prometheus_name, []).append(found)
    written: dict[tuple[_Labels, _Labels], str] = {}
    for name, parts in families.items():
        metric = parts[0][0].metric
        write = _infos if metric.kind is Kind.INFO else _numbers
        lines = write(name, [sample for part in parts for sample in part], written)
        yield "".join([_head(name, metric), *lines])


def _numbers(name: str, samples: list[Sample], written: dict[tuple[_Labels, _Labels], str]) -> Iterator[str]:
    for metric, value, values in samples:
        labels = _written(metric.entity.labels, values, written)
        yield f"{name}{{{labels}}} {float(value)}\n" if labels else f"{name} {float(value)}\n"


def _infos(name: str, samples: list[Sample], written: dict[tuple[_Labels, _Labels], str]) -> Iterator[str]:
    texts: dict[_Labels, list[str]] = {}
    for metric, value, values in samples:
        if values not in texts:
            labels = _written(metric.entity.labels, values, written)
            texts[values] = [labels] if labels else []
        texts[values].append(_pair(metric.info_label, str(value)))
    for series in texts.values():
        yield f"{name}{{{','.join(series)}}} 1.0\n"


def _written(names: _Labels, values: _Labels, written: dict[tuple[_Labels, _Labels], str]) -> str:
    """Return labels as text; many metrics share them."""
    labels = written.get((names, values))
    if labels is None:
        labels = written[names, values] = ",".join(map(_pair, names, values))
    return labels


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
