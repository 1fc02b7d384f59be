"""The whole import document of a template, in the format of Zabbix 6.0, which 7.0 imports as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.render.dashboards import render_dashboard
from argus.render.graphs import render_graph
from argus.render.ids import stable_uuid
from argus.render.items import (
    dependent_item,
    discovery_rule,
    filter_macros,
    heartbeat_item,
    master_item,
    value_maps,
)
from argus.render.names import CORRELATOR_HOST, TARGETS, TITLES, host_of, template_name
from argus.render.triggers import PlacedTrigger, render_triggers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argus.catalogue.model import Entity, Graph, Macro, Metric, Subsystem

TEMPLATE_GROUP = "Templates/Argus"
# By these words of its description a template is known as one that kept choices from the beginning.
CHOICES_STAY = "what you choose in it stays"
FORMAT = "6.0"


def template_document(host: str, subsystems: Sequence[Subsystem]) -> dict[str, Any]:
    """Return the document for ``host`` (``node`` or ``guest``): mappings, lists and strings only.

    Raises ``ValueError`` when the catalogue contradicts itself (two equal names, a dangling reference).
    """
    own = tuple(part for part in (_only(host, subsystem) for subsystem in subsystems) if part)
    metrics = [metric for subsystem in own for metric in subsystem.metrics]
    triggers = render_triggers([trigger for subsystem in own for trigger in subsystem.triggers])
    graphs = [graph for subsystem in own for graph in subsystem.graphs]
    export: dict[str, Any] = {
        "version": FORMAT,
        "groups": [{"uuid": stable_uuid("group", TEMPLATE_GROUP), "name": TEMPLATE_GROUP}],
        "templates": [_template(host, own, metrics, triggers, graphs)],
    }
    shared = [t.body for t in triggers if not t.at_item and not t.entity.own_labels]
    if shared:
        export["triggers"] = shared
    plain = [render_graph(graph) for graph in graphs if not graph.metrics[0].entity.own_labels]
    if plain:
        export["graphs"] = plain
    return {"zabbix_export": export}


def _only(host: str, subsystem: Subsystem) -> Subsystem | None:
    """The part of the subsystem that lives on ``host``; None when there is none."""
    metrics = tuple(m for m in subsystem.metrics if host_of(m.entity) == host)
    if not metrics:
        return None
    return type(subsystem)(
        subsystem.name,
        subsystem.title,
        metrics,
        tuple(t for t in subsystem.triggers if host_of(t.metrics[0].entity) == host),
        subsystem.macros,
        tuple(g for g in subsystem.graphs if host_of(g.metrics[0].entity) == host),
    )


def _template(
    host: str,
    own: Sequence[Subsystem],
    metrics: Sequence[Metric],
    triggers: Sequence[PlacedTrigger],
    graphs: Sequence[Graph],
) -> dict[str, Any]:
    static = [m for m in metrics if not m.entity.own_labels]
    entities = dict.fromkeys(m.entity for m in metrics if m.entity.own_labels)
    template = {
        "uuid": stable_uuid(template_name(host)),
        "template": template_name(host),
        "name": template_name(host),
        "description": f"{TITLES[host]} as Argus sees it. Generated; thresholds are macros, {CHOICES_STAY}.",
        "groups": [{"name": TEMPLATE_GROUP}],
        "items": [master_item(host), *_of_zabbix(host), *_with_triggers(static, triggers, "triggers")],
        "discovery_rules": [_rule(entity, metrics, triggers, graphs) for entity in entities],
        "tags": [{"tag": "class", "value": "software"}, {"tag": "target", "value": TARGETS[host]}],
        "macros": _macros(own, triggers, entities),
        "dashboards": [render_dashboard(host, own)],
        "valuemaps": value_maps(host, metrics),
    }
    _refuse_equal_names(template)
    return {key: value for key, value in template.items() if value}


def _of_zabbix(host: str) -> list[dict[str, Any]]:
    return [heartbeat_item()] if host == CORRELATOR_HOST else []


def _rule(
    entity: Entity,
    metrics: Iterable[Metric],
    triggers: Sequence[PlacedTrigger],
    graphs: Iterable[Graph],
) -> dict[str, Any]:
    rule = discovery_rule(entity)
    own = [metric for metric in metrics if metric.entity == entity]
    rule["item_prototypes"] = _with_triggers(own, triggers, "trigger_prototypes")
    beside = [t.body for t in triggers if not t.at_item and t.entity == entity]
    if beside:
        rule["trigger_prototypes"] = beside
    drawn = [render_graph(graph) for graph in graphs if graph.metrics[0].entity == entity]
    if drawn:
        rule["graph_prototypes"] = drawn
    return rule


def _with_triggers(
    metrics: Iterable[Metric], triggers: Sequence[PlacedTrigger], member: str
) -> list[dict[str, Any]]:
    items = []
    for metric in metrics:
        item = dependent_item(metric)
        here = [t.body for t in triggers if t.at_item == metric.zabbix_key]
        items.append(item | {member: here} if here else item)
    return items


def _macros(
    subsystems: Iterable[Subsystem], triggers: Iterable[PlacedTrigger], entities: Iterable[Entity]
) -> list[dict[str, str]]:
    """Those macros that the template's own triggers use, and those that filter what is discovered."""
    used = " ".join(
        str(trigger.body.get(part, ""))
        for trigger in triggers
        for part in ("expression", "recovery_expression", "event_name", "name", "opdata")
    )
    own = [macro for s in subsystems for macro in s.macros if f"{{${macro.name.partition(':')[0]}" in used]
    filters = [macro for entity in entities for macro in filter_macros(entity)]
    return [_macro(macro) for macro in sorted([*own, *filters], key=lambda macro: macro.name)]


def _macro(macro: Macro) -> dict[str, str]:
    return {
        "macro": f"{{${macro.name}}}",
        "value": macro.default,
        "description": f"{macro.help} {default_note(macro.default)}",
    }


def default_note(value: str) -> str:
    """How a macro's description tells its default, so that a value somebody set is known as such."""
    return f"Default: {value}"


def _refuse_equal_names(template: dict[str, Any]) -> None:
    for items in (template["items"], *(rule["item_prototypes"] for rule in template["discovery_rules"])):
        for member in ("name", "key"):
            seen: set[str] = set()
            for item in items:
                if item[member] in seen:
                    raise ValueError(f"two items of {template['name']} have the {member} {item[member]!r}")
                seen.add(item[member])
