"""``routes.yaml`` -> router; every mistake is named with its line, all of them at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from argus.routing.intervals import intervals
from argus.routing.matchers import Matcher, MatcherError, parse
from argus.routing.titles import TitleError
from argus.routing.titles import check as check_title
from argus.routing.tree import UNITS, Route, Router, Step, limit
from argus.routing.yaml_lines import RoutesError, Value, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from argus.routing.times import Window

_TOP = ("receivers", "route", "time_intervals", "fallback")
_ROUTE = (
    "receiver",
    "matchers",
    "continue",
    "group_wait",
    "repeat_interval",
    "mute_time_intervals",
    "active_time_intervals",
    "escalate",
    "routes",
)
# Words of Alertmanager that mean nothing here: why, and what to use instead.
_NOT_HERE = {
    "group_by": "Argus groups by cause, symptoms are named in the incident of their cause: leave it out; "
    "limit: of a receiver folds the rest into a digest",
    "group_interval": "an incident is told when it opens, becomes worse and ends: leave it out; "
    "repeat_interval reminds, escalate tells others",
    "match": "write matchers: ['label=\"value\"']",
    "match_re": "write matchers: ['label=~\"value\"']",
}
_NOT_AT_TOP = {
    "inhibit_rules": "Argus inhibits along the topology, node over guests, rack over nodes: leave it out; "
    "argus alerts shows what is held back by what",
    "mute_time_intervals": "write time_intervals",
    "templates": "write title: in a receiver's config",
    "global": "the mail server is in [smtp] of argus.conf; the rest is in each receiver's config",
}
_NOT_OF_RECEIVERS = {
    "send_resolved": "who was told of the beginning is told of the end, always: leave it out"
}
REQUIRED = "<required>"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Names:
    receivers: Mapping[str, tuple[str, ...]]
    windows: Mapping[str, tuple[Window, ...]]


def read(path: Path, kinds: Mapping[str, Mapping[str, str]]) -> Router:
    """Read the file.  ``kinds`` are the options of each kind of receiver with their defaults.

    Raises ``RoutesError`` that names all mistakes, one line each.
    """
    mistakes: list[RoutesError] = []
    top = load(path, mistakes=mistakes)
    router = top.tried(lambda each: _router(each, kinds), None)
    if mistakes or router is None:
        raise RoutesError.of(mistakes)
    return router


def _router(file: Value, kinds: Mapping[str, Mapping[str, str]]) -> Router | None:
    top = file.mapping((*_TOP, *_NOT_AT_TOP), ("receivers", "route"))
    _refuse(top, _NOT_AT_TOP)
    targets: dict[str, tuple[str, ...]] = {}
    options: dict[str, Mapping[str, str]] = {}
    for each in top["receivers"].items():
        name = each.tried(_name, "")
        if not name:
            continue
        if name in targets:
            each.report(f"there are two receivers called {name}")
        found: dict[str, Mapping[str, str]] = each.tried(lambda value: _receiver(value, kinds), {})
        targets[name] = tuple(found)
        options |= found
    made = top["time_intervals"].each(intervals) if "time_intervals" in top else []
    names = _Names(targets, dict(made))
    root = _route(top["route"], names, None)
    if root.matchers:
        top["route"].report("the first route takes everything: it has no matchers")
    fallback = _known_receiver(top["fallback"], names) if "fallback" in top else ""
    return Router(root, targets, fallback, file.file, options)


def _name(receiver: Value) -> str:
    return receiver.pick("name").text() or receiver.fail("name is empty")


def _refuse(words: dict[str, Value], not_here: Mapping[str, str]) -> None:
    """Say of words of Alertmanager that mean nothing here what to use instead."""
    for word in [each for each in words if each in not_here]:
        words.pop(word).report(f"{word} is not used: {not_here[word]}")


def _receiver(value: Value, kinds: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """Return the receiver's targets with their options."""
    lists = {f"{kind}_configs": kind for kind in kinds}
    found = value.mapping(("name", *lists), ("name",))
    name = found.pop("name").text()
    targets: dict[str, Mapping[str, str]] = {}
    for word, configs in found.items():
        kind = lists[word]
        for number, options in enumerate(configs.each(partial(_options, known=kinds[kind]))):
            if kind == "email":
                targets |= {f"email:{address.strip()}": options for address in options["to"].split(",")}
            else:
                targets[f"{kind}:{name}" + (f".{number + 1}" if number else "")] = options
    if not found:
        value.fail(f"receiver {name} reaches nobody: give it one of {', '.join(lists)}, or silence instead")
    return targets


def _options(config: Value, known: Mapping[str, str]) -> dict[str, str]:
    required = [name for name, default in known.items() if default == REQUIRED]
    words = config.mapping((*known, *_NOT_OF_RECEIVERS), required)
    _refuse(words, _NOT_OF_RECEIVERS)
    for name, value in words.items():
        if name in _CHECKS:
            value.tried(_CHECKS[name], None)
    given = {name: value.text() for name, value in words.items()}
    return {**{name: default for name, default in known.items() if default != REQUIRED}, **given}


def _title(value: Value) -> None:
    try:
        check_title(value.text())
    except TitleError as exc:
        value.fail(str(exc))


def _limit(value: Value) -> None:
    if value.text() != "none" and limit(value.text()) is None:
        value.fail(f"{value.text()!r} is no limit; write 30/10m, at most 30 messages in 10 minutes, or none")


def _url(value: Value) -> None:
    if not re.match(r"https?://[^/\s]", value.text()):
        value.fail("a URL begins with https:// or http:// and a host")


def _boolean(value: Value) -> None:
    value.boolean()


_CHECKS = {"probe": _boolean, "title": _title, "limit": _limit, "url": _url}


def _route(value: Value, names: _Names, parent: Route | None) -> Route:
    words = value.mapping((*_ROUTE, *_NOT_HERE))
    _refuse(words, _NOT_HERE)
    if "receiver" not in words and parent is None:
        value.report("receiver is missing: the first route must name who gets what no other route takes")
    base = parent or Route("")

    def given(word: str, read: Callable[[Value], T], otherwise: T) -> T:
        """Read a word of the route; ``otherwise`` without it, and after a mistake in it."""
        return words[word].tried(read, otherwise) if word in words else otherwise

    route = replace(
        base,
        receiver=given("receiver", lambda each: _known_receiver(each, names), base.receiver),
        matchers=given("matchers", _matchers, ()),
        routes=(),
        goes_on=given("continue", lambda each: each.boolean(), False),
        wait=given("group_wait", _duration, base.wait),
        repeat=given("repeat_interval", _duration, base.repeat),
        muted=given("mute_time_intervals", lambda each: _windows(each, names), ()),
        active=given("active_time_intervals", lambda each: _windows(each, names), None),
        steps=given("escalate", lambda each: tuple(each.each(lambda e: _step(e, names))), base.steps),
        line=value.line,
    )
    if "routes" not in words:
        return route
    no_children: list[tuple[Value, Route]] = []
    children = words["routes"].tried(
        lambda routes: routes.each(lambda each: (each, _route(each, names, route))), no_children
    )
    _check_reachable(children, (*(base.matchers if parent else ()), *route.matchers))
    return replace(route, routes=tuple(child for _, child in children))


def _check_reachable(children: list[tuple[Value, Route]], above: tuple[Matcher, ...]) -> None:
    """Name a route that no incident can ever reach."""
    earlier: list[Route] = []
    for value, route in children:
        for before in earlier:
            if set(before.matchers) <= set(route.matchers):
                value.report(
                    f"this route is never reached: the one in line {before.line} takes all that matches it"
                )
        fixed = {m.label: m.value for m in above if m.op == "="}
        for matcher in route.matchers:
            wanted = fixed.get(matcher.label)
            if matcher.op == "=" and wanted is not None and wanted != matcher.value:
                value.report(
                    f'this route is never reached: the one above it wants {matcher.label}="{wanted}"'
                )
        if not route.goes_on:
            earlier.append(route)


def _matchers(value: Value) -> tuple[Matcher, ...]:
    """Read a list; what is no matcher matches nothing, so that no later route looks unreachable."""
    return tuple(each.tried(_matcher, Matcher("?", "=", str(each.line))) for each in value.items())


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
    return int(found[1]) * UNITS[found[2]]


def _windows(value: Value, names: _Names) -> tuple[Window, ...]:
    def named(each: Value) -> tuple[Window, ...]:
        if each.text() not in names.windows:
            known = ", ".join(names.windows) or "none"
            each.fail(f"there is no time interval {each.text()}; there are {known}")
        return names.windows[each.text()]

    return tuple(window for windows in value.each(named) for window in windows)
