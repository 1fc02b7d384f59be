"""Items: one master a host that takes the agent's document, and a dependent item for every metric in it."""

from __future__ import annotations

import itertools
import string
from typing import TYPE_CHECKING, Any

from argus.catalogue.model import Entity, Kind, Macro, Metric, lld_macro
from argus.render.ids import stable_uuid
from argus.render.names import (
    CORRELATOR_HOST,
    GUEST_HOST,
    NODE_HOST,
    discovery_key,
    host_of,
    item_name,
    master_key,
    sentence,
    template_name,
    words,
    zabbix_units,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

INFO_HEARTBEAT = "10m"  # an unchanged text is stored this often
AGAIN = "again"  # the agent makes an unchanged list look new by it, when the last may have been lost

DISCOVERY_HEARTBEAT = (
    "1h"  # an unchanged list is looked at this often; also the delay before lost objects age
)
HISTORY = "7d"
HEARTBEAT_KEY = "zabbix[uptime]"
HEARTBEAT_DELAY = "5s"  # one small value; the correlator calls three of them missing a standstill
# A disk that is gone keeps its history this long; neither 6.0's default nor 7.0's, so that both export it.
LOST_AFTER = "14d"
# What has a problem, is gone and sends no further value would keep the problem all that time. 7.0 can disable
# it meanwhile; 6.0 can only delete it, which is done early where the history of what is gone is worth little.
GONE_AFTER = "1d"
_WORTH_LITTLE = frozenset({"instance", "unit", "node_nic", "task"})

_VALUE_TYPE = {Kind.GAUGE: "FLOAT", Kind.COUNTER: "FLOAT", Kind.STATE: "UNSIGNED", Kind.INFO: "CHAR"}


def master_item(host: str) -> dict[str, Any]:
    """The trapper item; history 0, because its parts are what is kept."""
    return {
        "uuid": stable_uuid(template_name(host), "item", master_key(host)),
        "name": f"{sentence(host)}: document of {_senders(host)}",
        "type": "TRAP",
        "key": master_key(host),
        "delay": "0",
        "history": "0",
        "trends": "0",
        "value_type": "TEXT",
        "description": f"What {_senders(host)} sends, as JSON; all other items are cut out of it.",
        "tags": [{"tag": "component", "value": "raw"}],
    }


def heartbeat_item() -> dict[str, Any]:
    """The item that only a server that lives and writes gives a value to: by it the correlator knows."""
    return {
        "uuid": stable_uuid(template_name(CORRELATOR_HOST), "item", HEARTBEAT_KEY),
        "name": "Zabbix server: uptime",
        "type": "INTERNAL",
        "key": HEARTBEAT_KEY,
        "delay": HEARTBEAT_DELAY,
        "history": "1h",
        "trends": "0",
        "units": "uptime",
        "description": "Asked by Zabbix' server of itself: the API answers though the server is dead. "
        "When this stands still for half of [correlator] stale_after, Argus says that it is blind.",
        "tags": [{"tag": "component", "value": "zabbix"}],
    }


def _senders(host: str) -> str:
    return "argus-agent" if host in {NODE_HOST, GUEST_HOST} else "the correlator"


def dependent_item(metric: Metric) -> dict[str, Any]:
    """The item, or item prototype, of a metric."""
    host = host_of(metric.entity)
    item: dict[str, Any] = {
        "uuid": stable_uuid(template_name(host), "item", metric.zabbix_key),
        "name": item_name(metric),
        "type": "DEPENDENT",
        "key": metric.zabbix_key,
        "delay": "0",
        "history": HISTORY,
    }
    if metric.kind is Kind.INFO:
        item |= {"trends": "0"}
    if not metric.shown:
        item |= {"status": "DISABLED"}
    if _VALUE_TYPE[metric.kind] != "UNSIGNED":
        item |= {"value_type": "TEXT" if metric.listing else _VALUE_TYPE[metric.kind]}
    if zabbix_units(metric):
        item |= {"units": zabbix_units(metric)}
    item |= {"description": f"{metric.help}\n\nSource: {metric.source}"}
    if metric.states:
        item |= {"valuemap": {"name": value_map_name(metric)}}
    return item | {
        "preprocessing": _steps(metric),
        "master_item": {"key": master_key(host)},
        "tags": _tags(metric),
    }


def _tags(metric: Metric) -> list[dict[str, str]]:
    tags = [{"tag": "component", "value": metric.subsystem}]
    tags += [{"tag": label, "value": lld_macro(label)} for label in metric.entity.own_labels]
    return sorted(tags, key=lambda tag: tag["tag"])


def _steps(metric: Metric) -> list[dict[str, Any]]:
    """JSONPATH first: only then the server parses the document once for all its dependents."""
    steps: list[dict[str, Any]] = [
        {
            "type": "JSONPATH",
            "parameters": [_json_path(metric)],
            "error_handler": "DISCARD_VALUE",  # absent is not zero, and not an error either
        }
    ]
    if metric.rare:
        steps.append({"type": "SIMPLE_CHANGE", "parameters": [""]})
        # A counter that began again is no change; "per second" leaves it out by itself.
        steps.append({"type": "IN_RANGE", "parameters": ["0", ""], "error_handler": "DISCARD_VALUE"})
    elif metric.kind is Kind.COUNTER:
        steps.append({"type": "CHANGE_PER_SECOND", "parameters": [""]})
    if metric.zabbix_scale != 1:
        steps.append({"type": "MULTIPLIER", "parameters": [str(metric.zabbix_scale)]})
    if metric.kind is Kind.INFO:
        steps.append({"type": "DISCARD_UNCHANGED_HEARTBEAT", "parameters": [INFO_HEARTBEAT]})
    return steps


def _json_path(metric: Metric) -> str:
    labels = metric.entity.own_labels
    if not labels:
        return f"$.{metric.field}"
    wanted = " && ".join(f'@.{label} == "{lld_macro(label)}"' for label in labels)
    return f"$.{metric.entity.plural}[?({wanted})].{metric.field}.first()"


def discovery_rule(entity: Entity) -> dict[str, Any]:
    """The discovery of the entity out of the document's list, without its prototypes.

    A document without the list (a guest that is shut off) tells nothing and is dropped; only a list
    that is there and lacks an element says that the element is gone.
    """
    host = host_of(entity)
    pairs = ", ".join(f"{label}: e.{label}" for label in (*entity.own_labels, AGAIN))
    strip = f"return JSON.stringify(JSON.parse(value).map(function (e) {{ return {{{pairs}}}; }}));"
    return {
        "uuid": stable_uuid(template_name(host), "discovery", discovery_key(entity)),
        "name": f"{sentence(entity.name)} discovery",
        "type": "DEPENDENT",
        "key": discovery_key(entity),
        "delay": "0",
        "filter": {"evaltype": "AND", "conditions": list(_conditions(entity))},
        "lifetime": GONE_AFTER if entity.name in _WORTH_LITTLE else LOST_AFTER,
        "description": f"What the document lists under {entity.plural}.",
        "master_item": {"key": master_key(host)},
        "lld_macro_paths": [
            {"lld_macro": lld_macro(label), "path": f"$.{label}"} for label in entity.own_labels
        ],
        "preprocessing": [
            {
                "type": "JSONPATH",
                "parameters": [f"$.{entity.plural}"],
                "error_handler": "DISCARD_VALUE",
            },
            {"type": "JAVASCRIPT", "parameters": [strip]},  # values out, or no list is ever "unchanged"
            {"type": "DISCARD_UNCHANGED_HEARTBEAT", "parameters": [DISCOVERY_HEARTBEAT]},
        ],
    }


def _conditions(entity: Entity) -> Iterable[dict[str, str]]:
    """Two of each label: Zabbix' own templates are filtered in this way, and administrators look for it."""
    letters = iter(string.ascii_uppercase)
    for label, (wanted, unwanted) in zip(entity.own_labels, _filters(entity), strict=True):
        yield {"macro": lld_macro(label), "value": f"{{${wanted.name}}}", "formulaid": next(letters)}
        yield {
            "macro": lld_macro(label),
            "value": f"{{${unwanted.name}}}",
            "operator": "NOT_MATCHES_REGEX",
            "formulaid": next(letters),
        }


def filter_macros(entity: Entity) -> Iterable[Macro]:
    """The macros by which an administrator leaves some of the discovered things out."""
    return itertools.chain.from_iterable(_filters(entity))


def _filters(entity: Entity) -> Iterable[tuple[Macro, Macro]]:
    name = entity.name.removeprefix(f"{entity.host}_").removeprefix("storage_").upper()
    things = words(entity.plural)
    for label in entity.own_labels:
        of = f" by {words(label)}" if len(entity.own_labels) > 1 else ""
        prefix = f"ARGUS.{entity.host.upper()}.{name}" + (f".{label.upper()}" if of else "")
        yield (
            Macro(f"{prefix}.MATCHES", ".*", f"Which {things} are discovered{of}: a regular expression."),
            Macro(f"{prefix}.NOT_MATCHES", "CHANGE_IF_NEEDED", f"Which {things} are left out{of}: the same."),
        )


def value_map_name(metric: Metric) -> str:
    """The value map's name, unique within the template."""
    return f"Argus {metric.field}"


def value_maps(host: str, metrics: Iterable[Metric]) -> list[dict[str, Any]]:
    """The value maps of all metrics that are states."""
    return [
        {
            "uuid": stable_uuid(template_name(host), "valuemap", metric.field),
            "name": value_map_name(metric),
            "mappings": [
                {"value": str(number), "newvalue": text} for number, text in sorted(metric.states.items())
            ],
        }
        for metric in metrics
        if metric.states
    ]
