"""What a stored round says of each service, as samples of the catalogue and as Zabbix' documents."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from argus.catalogue import openstack_service as metric
from argus.correlator.service import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Sample

NUMBER = {State.DOWN: 0, State.DEGRADED: 1, State.UP: 2}  # other states are no word about its health
WORKS = frozenset({State.UP, State.DEGRADED})
LONGEST_TEXT = 255  # characters of a text item in Zabbix
MOST_INSTANCES = 100  # listed of one service: computes and agents beyond that have hosts of their own

Document = dict[str, Any]


def samples(entry: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield all that is known of one service of a round; what is not known has no sample."""
    where = (entry["cloud"], entry["region"], entry["name"])
    if (number := NUMBER.get(State(entry["state"]))) is not None:
        yield metric.STATUS.sample(number, *where)
    yield metric.DETAIL.sample(entry["message"] or entry["state"], *where)
    if entry["version"]:
        yield metric.VERSION.sample(entry["version"], *where)
    for of, value in (
        (metric.LATENCY, entry["latency"]),
        (metric.SPENT, entry["spent"]),
        (metric.BURN, entry["burn"]),
    ):
        if value is not None:
            yield of.sample(value, *where)
    yield from _instances(entry, where)
    for name, value in entry["figures"].items():
        yield metric.FIGURE_VALUE.sample(value, *where, name)


def _instances(entry: Mapping[str, Any], where: tuple[str, str, str]) -> Iterator[Sample]:
    states = _states(entry)
    if not states:  # a service that tells of no parts: none is not zero of them
        return
    yield metric.INSTANCES.sample(len(states), *where)
    yield metric.INSTANCES_UP.sample(sum(state in WORKS for state in states.values()), *where)
    for name, state in states.items():
        if state in NUMBER:
            yield metric.INSTANCE_UP.sample(int(state in WORKS), *where, name)


def _states(entry: Mapping[str, Any]) -> dict[str, State]:
    """Return the state of each instance by its name, but for those that are off on purpose.

    ``nova-compute@cmp1``; the kind alone for a part that is nowhere in particular.
    """
    named = ((f"{kind}@{host}" if host else kind, State(state)) for kind, host, state, *_ in entry["parts"])
    return {name: state for name, state in named if state is not State.DISABLED}


def exported(entry: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield what Prometheus is told besides: Zabbix keeps the history of a state by itself."""
    where = (entry["cloud"], entry["region"], entry["name"])
    for state in State:
        yield metric.STATE.sample(int(entry["state"] == state), *where, state.value)
    yield metric.SINCE.sample(entry["since"], *where)
    for (kind, how), number in Counter((part[0], part[2]) for part in entry["parts"]).items():
        yield metric.PARTS.sample(number, *where, kind, how)


def document(entry: Mapping[str, Any]) -> Document:
    """Make the document of one service's Zabbix host (template ``Argus OpenStack service by trapper``).

    Flat: ``{field: value}``, and ``{plural: [{label: .., field: value}]}`` for what is discovered.
    """
    made: Document = {}
    rows: dict[str, Document] = {}
    states = _states(entry)
    if 0 < len(states) <= MOST_INSTANCES:
        # one of which nothing is known is still there, or its item would count as lost
        rows = {name: {"instance": name} for name in states}
        made[metric.INSTANCE.plural] = list(rows.values())
    for of, value, labels, _ in samples(entry):
        if not of.entity.plural:
            made[of.field] = value[:LONGEST_TEXT] if isinstance(value, str) else value
        elif of is metric.FIGURE_VALUE:
            row = dict(zip(of.entity.own_labels, labels[len(metric.WHERE) :], strict=True))
            made.setdefault(of.entity.plural, []).append({**row, of.field: value})
        elif rows:
            rows[labels[-1]][of.field] = value
    return made
