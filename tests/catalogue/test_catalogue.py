"""The catalogue as a whole: what nobody would notice in one module alone."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import argus.catalogue
from argus.catalogue import METRICS, SUBSYSTEMS, exported, exported_fleet, guest_state
from argus.catalogue.exported import Series
from argus.catalogue.model import OWN_HOSTS, Kind, Subsystem, Trigger
from argus.render.reference import OF_THE_EXPORTER
from argus_agent.collectors import COLLECTORS

EXPORTED = (exported, exported_fleet)  # series for Prometheus alone
MODULES = {path.stem for path in Path(argus.catalogue.__file__).parent.glob("*.py")} - {
    "__init__",
    "model",
    "not_available",
    *(module.__name__.rpartition(".")[2] for module in EXPORTED),
}
TRIGGERS = [(s, t) for s in SUBSYSTEMS for t in s.triggers]
MACROS = {macro.name for s in SUBSYSTEMS for macro in s.macros}


def test_every_module_is_listed_and_named_like_its_subsystem() -> None:
    assert {s.name for s in SUBSYSTEMS} == MODULES


def test_every_subsystem_has_a_collector_of_its_name() -> None:
    of_agents = {s.name for s in SUBSYSTEMS if not any(m.entity.host in OWN_HOSTS for m in s.metrics)}
    assert set(COLLECTORS) == of_agents


def test_every_declared_metric_is_in_its_subsystem() -> None:
    for name in MODULES:
        module = import_module(f"argus.catalogue.{name}")
        declared = {value.field for value in vars(module).values() if type(value).__name__ == "Metric"}
        listed = {m.field for m in (*module.SUBSYSTEM.metrics, *module.SUBSYSTEM.exported)}
        assert declared <= listed, name


@pytest.mark.parametrize("module", EXPORTED)
def test_every_declared_series_is_listed(module: ModuleType) -> None:
    declared = {value for value in vars(module).values() if isinstance(value, Series)}
    assert declared
    assert declared <= set(module.SERIES)


def test_names_are_unique() -> None:
    keys = [metric.zabbix_key for metric in METRICS]
    assert len(set(keys)) == len(keys)
    told = (m for m in METRICS if m.kind is not Kind.INFO and m.entity.host not in OF_THE_EXPORTER)
    series = [m.prometheus_name for m in told]
    series += [one.full_name for module in EXPORTED for one in module.SERIES]
    assert len(set(series)) == len(series)
    fields = [(m.entity.of_guest, m.entity.plural, m.field) for m in METRICS]
    assert len(set(fields)) == len(fields)


def test_texts_of_one_info_series_are_about_one_entity_and_have_own_labels() -> None:
    labels: dict[str, list[str]] = {}
    entities: dict[str, set[str]] = {}
    for metric in METRICS:
        if metric.kind is Kind.INFO:
            labels.setdefault(metric.prometheus_name, list(metric.entity.labels)).append(metric.info_label)
            entities.setdefault(metric.prometheus_name, set()).add(metric.entity.name)
    assert all(len(set(names)) == len(names) for names in labels.values()), labels
    assert all(len(names) == 1 for names in entities.values()), entities


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.zabbix_key)
def test_help_is_a_sentence_for_a_person(metric: argus.catalogue.model.Metric) -> None:
    assert metric.help.endswith(".")
    assert metric.help[0].isupper() or metric.help.startswith(("vCPU", "ksmd", "libvirt"))
    assert metric.source


@pytest.mark.parametrize(("subsystem", "trigger"), TRIGGERS, ids=[t.ident for _, t in TRIGGERS])
def test_a_trigger_can_be_rendered(subsystem: Subsystem, trigger: Trigger) -> None:
    assert set(trigger.metrics) <= set(subsystem.metrics)
    assert len({metric.entity.plural for metric in trigger.metrics}) == 1
    for expression in filter(None, (trigger.expression, trigger.recovery)):
        used = {int(number) for number in re.findall(r"@(\d+)", expression)}
        assert used <= set(range(1, len(trigger.metrics) + 1))
        assert set(re.findall(r"\{\$([A-Z.]+)[:}]", expression)) <= MACROS
    assert set(range(1, len(trigger.metrics) + 1)) == {
        int(n) for n in re.findall(r"@(\d+)", trigger.expression)
    }
    assert trigger.help.endswith(".")


@pytest.mark.parametrize("trigger", [t for _, t in TRIGGERS], ids=[t.ident for _, t in TRIGGERS])
def test_a_problem_names_its_threshold(trigger: Trigger) -> None:
    """All but switches, and what only says when to predict at all."""
    macros = re.findall(r'\{\$[A-Z.]+(?::"[^"]*")?\}', trigger.expression)
    thresholds = [m for m in macros if not re.search(r"\.(CONTROL|ALLOWED|PREDICT)\b", m)]
    assert [macro for macro in thresholds if macro not in trigger.event_name] == []


@pytest.mark.parametrize("trigger", [t for _, t in TRIGGERS], ids=[t.ident for _, t in TRIGGERS])
def test_a_problem_that_takes_time_to_begin_does_not_end_by_one_value(trigger: Trigger) -> None:
    if re.search(r"\b(min|max|avg|count)\(", trigger.expression):
        assert trigger.recovery


def test_triggers_are_unique_and_depend_on_triggers_of_their_template() -> None:
    of_guest = {t.ident: t.metrics[0].entity.of_guest for _, t in TRIGGERS}
    assert len(of_guest) == len(TRIGGERS)
    for _, trigger in TRIGGERS:
        for ident in trigger.depends_on:
            assert of_guest[ident] == of_guest[trigger.ident]


def test_a_reason_is_told_apart_by_its_state() -> None:
    assert guest_state.reason_code(3, 5) == 305
    assert guest_state.REASON.states[305] == "paused: I/O error"
    assert guest_state.REASON.states[503] == "shut off: crashed"
    assert guest_state.REASON.states[302] == "paused: migration"
