"""Triggers and trigger prototypes: the catalogue's expressions with Zabbix' item paths filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.render.ids import stable_uuid
from argus.render.names import host_of, template_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from argus.catalogue.model import Entity, Metric, Trigger

IDENT_TAG = "argus"  # carries Trigger.ident, by which the correlator knows a problem

_REFERENCE = re.compile(r"@(\d+)")


@dataclass(frozen=True, slots=True)
class PlacedTrigger:
    """A rendered trigger, and its place: at its item, or beside the items when it uses several."""

    entity: Entity
    keys: tuple[str, ...]
    body: dict[str, Any]

    @property
    def at_item(self) -> str:
        """The key of the only item, empty for several."""
        return self.keys[0] if len(self.keys) == 1 else ""


def render_triggers(triggers: Sequence[Trigger]) -> tuple[PlacedTrigger, ...]:
    """Render the triggers of one template; raises ``ValueError`` for a reference that leads nowhere."""
    by_ident = {trigger.ident: trigger for trigger in triggers}
    if len(by_ident) != len(triggers):
        raise ValueError(f"trigger idents are not unique: {sorted(t.ident for t in triggers)}")
    return tuple(_placed(trigger, by_ident) for trigger in triggers)


def _placed(trigger: Trigger, by_ident: Mapping[str, Trigger]) -> PlacedTrigger:
    used = _used_metrics(trigger)
    keys = tuple(dict.fromkeys(metric.zabbix_key for metric in used))
    # Prototypes may use items of the host beside those of their entity; the entity decides the place.
    entity = max((metric.entity for metric in used), key=lambda e: len(e.own_labels))
    return PlacedTrigger(entity, keys, _body(trigger, by_ident))


def _body(trigger: Trigger, by_ident: Mapping[str, Trigger]) -> dict[str, Any]:
    host = host_of(trigger.metrics[0].entity)
    body: dict[str, Any] = {"uuid": stable_uuid(template_name(host), "trigger", trigger.ident)}
    body |= _expressions(trigger)
    body["name"] = trigger.name
    if trigger.event_name:
        body["event_name"] = trigger.event_name
    if trigger.opdata:
        body["opdata"] = trigger.opdata
    body["priority"] = trigger.severity.value
    body["description"] = trigger.help
    if trigger.manual_close:
        body["manual_close"] = "YES"
    if trigger.depends_on:
        body["dependencies"] = [_reference(trigger, ident, by_ident) for ident in trigger.depends_on]
    body["tags"] = [
        {"tag": IDENT_TAG, "value": trigger.ident},
        {"tag": "component", "value": trigger.metrics[0].subsystem},
        {"tag": "scope", "value": trigger.scope},
    ]
    return body


def _reference(trigger: Trigger, ident: str, by_ident: Mapping[str, Trigger]) -> dict[str, str]:
    """Zabbix finds the trigger that is depended on by its name and expressions."""
    if ident not in by_ident:
        raise ValueError(f"trigger {trigger.ident} depends on {ident}, which is not in its template")
    other = by_ident[ident]
    expressions = _expressions(other)
    expressions.pop("recovery_mode", None)
    return {"name": other.name} | expressions


def _expressions(trigger: Trigger) -> dict[str, str]:
    result = {"expression": _filled(trigger, trigger.expression)}
    if trigger.recovery:
        result |= {
            "recovery_mode": "RECOVERY_EXPRESSION",
            "recovery_expression": _filled(trigger, trigger.recovery),
        }
    return result


def _filled(trigger: Trigger, expression: str) -> str:
    def path(match: re.Match[str]) -> str:
        metric = _metric(trigger, int(match[1]))
        return f"/{template_name(host_of(metric.entity))}/{metric.zabbix_key}"

    return _REFERENCE.sub(path, expression)


def _used_metrics(trigger: Trigger) -> list[Metric]:
    numbers = _REFERENCE.findall(trigger.expression + trigger.recovery)
    if not numbers:
        raise ValueError(f"the expression of trigger {trigger.ident} uses none of its metrics")
    return [_metric(trigger, int(number)) for number in numbers]


def _metric(trigger: Trigger, number: int) -> Metric:
    if not 1 <= number <= len(trigger.metrics):
        raise ValueError(f"trigger {trigger.ident} says @{number} but has {len(trigger.metrics)} metrics")
    return trigger.metrics[number - 1]
