"""``routes.yaml`` -> router; every mistake is named with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from argus.routing.matchers import MatcherError, parse
from argus.routing.times import MINUTES_OF_A_DAY, WEEKDAYS, Window
from argus.routing.tree import Route, Router, Step
from argus.routing.yaml_lines import Value, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from argus.routing.matchers import Matcher

_TOP = ("receivers", "route", "time_intervals", "fallback")
_ROUTE = (
    "receiver",
    "matchers",
    "continue",
    "group_wait",
    "mute_time_intervals",
    "escalate",
    "routes",
)
# Words of Alertmanager that mean nothing here, and why.
_NOT_HERE = {
    "group_by": "Argus groups by cause: symptoms are held back and named in the incident of their cause",
    "group_interval": "an incident is told when it opens and when it ends",
    "repeat_interval": "an incident is told once; use escalate for those that nobody acknowledges",
    "inhibit_rules": "Argus inhibits along the topology: node over guests, many over one",
    "match": "write matchers",
    "match_re": "write matchers",
}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
REQUIRED = "<required>"


@dataclass(frozen=True, slots=True)
class _Names:
    receivers: Mapping[str, tuple[str, ...]]
    windows: Mapping[str, tuple[Window, ...]]


def read(path: Path, kinds: Mapping[str, Mapping[str, str]]) -> Router:
    """Read the file.  ``kinds`` are the options of each kind of receiver with their defaults.

    Raises ``RoutesError``.
    """
    top = load(path).mapping((*_TOP, "inhibit_rules"), ("receivers", "route"))
    if "inhibit_rules" in top:
        top["inhibit_rules"].fail(f"inhibit_rules: {_NOT_HERE['inhibit_rules']}")
    targets: dict[str, tuple[str, ...]] = {}
    options: dict[str, Mapping[str, str]] = {}
    for each in top["receivers"].items():
        name, found = _receiver(each, kinds)
        if name in targets:
            each.fail(f"there are two receivers called {name}")
        targets[name] = tuple(found)
        options |= found
    windows = (
        dict(_intervals(each) for each in top["time_intervals"].items()) if "time_intervals" in top else {}
    )
    names = _Names(targets, windows)
    root = _route(top["route"], names, None)
    if root.matchers:
        top["route"].fail("the first route takes everything: it has no matchers")
    fallback = _known_receiver(top["fallback"], names) if "fallback" in top else ""
    return Router(root, targets, fallback, str(path), options)


def _receiver(
    value: Value, kinds: Mapping[str, Mapping[str, str]]
) -> tuple[str, dict[str, Mapping[str, str]]]:
    """Return the receiver's name and its targets with their options."""
    lists = {f"{kind}_configs": kind for kind in kinds}
    found = value.mapping(("name", *lists), ("name",))
    name = found.pop("name").text()
    targets: dict[str, Mapping[str, str]] = {}
    for word, configs in found.items():
        kind = lists[word]
        for number, config in enumerate(configs.items()):
            options = _options(config, kinds[kind])
            if kind == "email":
                targets |= {f"email:{address.strip()}": {} for address in options["to"].split(",")}
            else:
                targets[f"{kind}:{name}" + (f".{number + 1}" if number else "")] = options
    if not targets:
        value.fail(f"receiver {name} reaches nobody: give it one of {', '.join(lists)}, or silence instead")
    return name, targets


def _options(config: Value, known: Mapping[str, str]) -> dict[str, str]:
    required = [name for name, default in known.items() if default == REQUIRED]
    given = {name: value.text() for name, value in config.mapping(known, required).items()}
    return {**{name: default for name, default in known.items() if default != REQUIRED}, **given}


def _route(value: Value, names: _Names, parent: Route | None) -> Route:
    words = value.mapping((*_ROUTE, *_NOT_HERE))
    for word in words:
        if word in _NOT_HERE:
            words[word].fail(f"{word} is not used: {_NOT_HERE[word]}")
    if "receiver" not in words and parent is None:
        value.fail("receiver is missing: the first route must name who gets what no other route takes")
    matchers = tuple(_matcher(each) for each in words["matchers"].items()) if "matchers" in words else ()
    base = parent or Route("")
    steps = words["escalate"].items() if "escalate" in words else ()
    route = replace(
        base,
        receiver=_known_receiver(words["receiver"], names) if "receiver" in words else base.receiver,
        matchers=matchers,
        routes=(),
        goes_on=words["continue"].boolean() if "continue" in words else False,
        wait=_duration(words["group_wait"]) if "group_wait" in words else base.wait,
        muted=_muted(words["mute_time_intervals"], names) if "mute_time_intervals" in words else (),
        steps=tuple(_step(each, names) for each in steps) if "escalate" in words else base.steps,
        line=value.line,
    )
    if "routes" not in words:
        return route
    children = [(each, _route(each, names, route)) for each in words["routes"].items()]
    _check_reachable(children, (*(base.matchers if parent else ()), *matchers))
    return replace(route, routes=tuple(child for _, child in children))


def _check_reachable(children: list[tuple[Value, Route]], above: tuple[Matcher, ...]) -> None:
    """Name a route that no incident can ever reach."""
    earlier: list[Route] = []
    for value, route in children:
        for before in earlier:
            if set(before.matchers) <= set(route.matchers):
                value.fail(
                    f"this route is never reached: the one in line {before.line} takes all that matches it"
                )
        fixed = {m.label: m.value for m in above if m.op == "="}
        for matcher in route.matchers:
            wanted = fixed.get(matcher.label)
            if matcher.op == "=" and wanted is not None and wanted != matcher.value:
                value.fail(f'this route is never reached: the one above it wants {matcher.label}="{wanted}"')
        if not route.goes_on:
            earlier.append(route)


def _matcher(value: Value) -> Matcher:
    try:
        return parse(value.text())
    except MatcherError as exc:
        value.fail(str(exc))


def _known_receiver(value: Value, names: _Names) -> str:
    name = value.text()
    if name not in names.receivers:
        value.fail(f"there is no receiver {name}; there are {', '.join(names.receivers)}")
    return name


def _step(value: Value, names: _Names) -> Step:
    words = value.mapping(("after", "receiver"), ("after", "receiver"))
    return Step(_duration(words["after"]), _known_receiver(words["receiver"], names))


def _duration(value: Value) -> float:
    found = re.fullmatch(r"(\d+)([smhd])", value.text())
    if not found:
        value.fail(f"{value.text()!r} is no duration; write 30s, 15m, 2h or 1d")
    return int(found[1]) * _UNITS[found[2]]


def _muted(value: Value, names: _Names) -> tuple[Window, ...]:
    windows: list[Window] = []
    for each in value.items():
        if each.text() not in names.windows:
            each.fail(
                f"there is no time interval {each.text()}; there are {', '.join(names.windows) or 'none'}"
            )
        windows.extend(names.windows[each.text()])
    return tuple(windows)


def _intervals(value: Value) -> tuple[str, tuple[Window, ...]]:
    words = value.mapping(("name", "time_intervals"), ("name", "time_intervals"))
    return words["name"].text(), tuple(_window(each) for each in words["time_intervals"].items())


def _window(value: Value) -> Window:
    words = value.mapping(("times", "weekdays", "location"))
    made = Window()
    if "times" in words:
        made = replace(made, spans=tuple(_span(each) for each in words["times"].items()))
    if "weekdays" in words:
        days = frozenset(day for each in words["weekdays"].items() for day in _days(each))
        made = replace(made, weekdays=days)
    if "location" in words:
        try:
            ZoneInfo(words["location"].text())
        except (ZoneInfoNotFoundError, ValueError):
            words["location"].fail(f"unknown time zone {words['location'].text()}, write e.g. Europe/Berlin")
        made = replace(made, location=words["location"].text())
    return made


def _span(value: Value) -> tuple[int, int]:
    words = value.mapping(("start_time", "end_time"), ("start_time", "end_time"))
    start, end = (_minute(words[name]) for name in ("start_time", "end_time"))
    if start >= end:
        value.fail("start_time must be before end_time; write two spans for a night")
    return start, end


def _minute(value: Value) -> int:
    found = re.fullmatch(r"(\d\d):(\d\d)", value.text())
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minute <= MINUTES_OF_A_DAY:
        value.fail(f"{value.text()!r} is no time of day; write 08:00, in quotes")
    return minute


def _days(value: Value) -> range:
    first, _, last = value.text().partition(":")
    for day in (first, last or first):
        if day not in WEEKDAYS:
            value.fail(f"{day!r} is no weekday; write monday or monday:friday")
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    if start > end:
        value.fail("a range of weekdays ends after it starts; write two")
    return range(start, end + 1)
