"""``services.yaml`` -> what is probed; every mistake is named with its line."""

from __future__ import annotations

import re
import typing
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, cast

from argus.probes import KINDS, Probe
from argus.probes.target import Target
from argus.probes.user_check import LEAST_EVERY, UserCheck
from argus.routing.yaml_lines import Value, load

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

TOP = ("clouds", "checks", "budget")
CLOUD = ("cloud", "regions", "timeout", "interface", "skip", "expect", "dashboard", "user_check")
USER_CHECK_NEEDS = ("cloud", "region", "image", "flavor", "network")
USER_CHECK = (*USER_CHECK_NEEDS, "volume", "every", "timeout")
LONGEST_USER_CHECK = 600.0  # s: four times that, and the job ends (argus.schedule)
CHECK = ("name", "kind", "cloud", "region", "timeout", "carries")
INTERFACES = ("public", "internal", "admin")
NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?")
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
TIMEOUT = 10.0
LONGEST_TIMEOUT = 60.0
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud of ``clouds.yaml``; without ``regions``, all of its catalogue.  ``timeout`` in seconds."""

    name: str
    regions: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    interface: str = "public"
    skip: frozenset[str] = frozenset()
    expect: tuple[str, ...] = ()
    dashboard: str = ""
    user_check: UserCheck | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check from the file; ``carries`` names the services that stand on it (``*``: all)."""

    target: Target
    probe: Probe
    timeout: float
    carries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All of the file.

    ``budget`` is the share of time (0 to 1) that a service may be down in 30 days, ``budgets`` the same by
    the name of a service or check, where it has one of its own; 0 is none.
    """

    clouds: tuple[Cloud, ...] = ()
    checks: tuple[Check, ...] = ()
    budget: float = 0.0
    budgets: Mapping[str, float] = field(default_factory=dict)

    def budget_of(self, name: str) -> float:
        """Return the share of time that a service, or a check, may be down."""
        return self.budgets.get(name, self.budget)


def read(path: Path, services: Collection[str]) -> Plan:
    """Read the file; ``services`` are the names that OpenStack's services go by.  Raises ``ArgusError``."""
    value = load(path, "clouds: or checks:")
    top = value.mapping(TOP)
    clouds = tuple(_cloud(each, services) for each in _items(top, "clouds"))
    _unique(top, "clouds", [cloud.name for cloud in clouds], "cloud")
    names = {cloud.name for cloud in clouds}
    checks = tuple(_check(each, names) for each in _items(top, "checks"))
    _unique(top, "checks", [str(check.target) for check in checks], "check")
    named = (*services, *(check.target.name for check in checks))
    known = {*named, EVERYTHING}
    for each, check in zip(_items(top, "checks"), checks, strict=True):
        if unknown := [name for name in check.carries if name not in known]:
            each.fail(f"carries: there is no service {unknown[0]}; there are {', '.join(sorted(known))}")
    if not clouds and not checks:
        value.fail("nothing is probed: it needs clouds: or checks:")
    budget, budgets = _budgets(top["budget"], named) if "budget" in top else (0.0, {})
    return Plan(clouds, checks, budget, budgets)


def _items(words: Mapping[str, Value], name: str) -> Iterator[Value]:
    return words[name].items() if name in words else iter(())


def _unique(words: Mapping[str, Value], section: str, names: list[str], what: str) -> None:
    for at, each in enumerate(_items(words, section)):
        if names[at] in names[:at]:
            each.fail(f"there are two {what}s called {names[at]}")


def _cloud(value: Value, services: Collection[str]) -> Cloud:
    words = value.mapping(CLOUD, ("cloud",))
    interface = words["interface"].text() if "interface" in words else "public"
    if interface not in INTERFACES:
        words["interface"].fail(f"{interface!r} is none of {', '.join(INTERFACES)}")
    named = {}
    for word in ("skip", "expect"):
        named[word] = tuple(each.text() for each in _items(words, word))
        for each in _items(words, word):
            if each.text() not in services:
                each.fail(f"there is no service {each.text()}; there are {', '.join(sorted(services))}")
    return Cloud(
        words["cloud"].text(),
        tuple(each.text() for each in _items(words, "regions")),
        _timeout(words),
        interface,
        frozenset(named["skip"]),
        named["expect"],
        _url(words["dashboard"]) if "dashboard" in words else "",
        _user_check(words["user_check"]) if "user_check" in words else None,
    )


def _user_check(value: Value) -> UserCheck:
    words = value.mapping(USER_CHECK, USER_CHECK_NEEDS)
    cloud, region, image, flavor, network = (words[name].text() for name in USER_CHECK_NEEDS)
    made = UserCheck(cloud, region, image, flavor, network)
    if "volume" in words:
        made = replace(made, volume=_whole(words["volume"]))
    if "every" in words:
        made = replace(made, every=_between(words["every"], LEAST_EVERY, 86400.0))
    if "timeout" in words:
        made = replace(made, timeout=_between(words["timeout"], 1.0, LONGEST_USER_CHECK))
    return made


def _between(value: Value, least: float, most: float) -> float:
    seconds = duration(value)
    if not least <= seconds <= most:
        value.fail(f"{value.text()} is not between {least:g}s and {most:g}s")
    return seconds


def _check(value: Value, clouds: Collection[str]) -> Check:
    kind = value.pick("kind").text()
    if kind not in KINDS:
        value.pick("kind").fail(f"there is no kind {kind}; there are {', '.join(sorted(KINDS))}")
    options = {field.name: field for field in fields(cast("Any", KINDS[kind])) if field.init}
    own = [word for word in CHECK if word not in options]  # the check's own name wins over an option's
    required = [name for name, field in options.items() if field.default is MISSING]
    words = value.mapping((*own, *options), ("kind", *(["name"] if "name" in own else []), *required))
    name = words["name"].text() if "name" in own else kind
    if not NAME.fullmatch(name):
        words["name"].fail(f"{name!r}: use lower case letters, digits, and _ . - between them")
    cloud = words["cloud"].text() if "cloud" in words else next(iter(clouds), "")
    # where no cloud is probed, the word is only a name for what belongs together
    if "cloud" in words and clouds and cloud not in clouds:
        words["cloud"].fail(f"there is no cloud {cloud} above; there are {', '.join(sorted(clouds))}")
    if "cloud" not in words and len(clouds) > 1:
        value.fail("cloud is missing: with several clouds, say which one this belongs to")
    target = Target(cloud, words["region"].text() if "region" in words else "", name, kind)
    carries = tuple(each.text() for each in _items(words, "carries"))
    return Check(target, _probe(value, kind, words), _timeout(words), carries)


def _probe(value: Value, kind: str, words: Mapping[str, Value]) -> Probe:
    made = KINDS[kind]
    types = typing.get_type_hints(made)
    given = {
        name: _option(words[name], types[name]) for name in words if name in types and name not in CHECK_ONLY
    }
    try:
        return made(**given)
    except ValueError as exc:
        value.fail(str(exc))


CHECK_ONLY = frozenset(CHECK) - {"name"}


def _option(value: Value, wanted: Any) -> Any:
    """Read one option as the type of the field says."""
    if typing.get_origin(wanted) is tuple:
        kind = typing.get_args(wanted)[0]
        found = tuple(_option(each, kind) for each in value.items())
        return found or value.fail("the list is empty")
    if wanted is bool:
        return value.boolean()
    if wanted is int:
        return _whole(value)
    if wanted is float:
        return _number(value)
    return value.text()


def _whole(value: Value) -> int:
    if not value.text().isdigit():
        value.fail(f"{value.text()!r} is no whole number")
    return int(value.text())


def _number(value: Value) -> float:
    try:
        number = float(value.text())
    except ValueError:
        value.fail(f"{value.text()!r} is no number")
    if not 0 <= number < float("inf"):
        value.fail(f"{value.text()} must not be negative, nor infinite")
    return number


def duration(value: Value) -> float:
    """Read ``500ms``, ``10s``, ``5m`` or ``1h`` as seconds."""
    found = DURATION.fullmatch(value.text())
    if not found:
        value.fail(f"{value.text()!r} is no duration; write 500ms, 10s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]


def _timeout(words: Mapping[str, Value]) -> float:
    if "timeout" not in words:
        return TIMEOUT
    seconds = duration(words["timeout"])
    if not 0 < seconds <= LONGEST_TIMEOUT:
        words["timeout"].fail(f"a timeout is more than 0s and at most {LONGEST_TIMEOUT:.0f}s")
    return seconds


def _budgets(value: Value, services: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Read what holds for all, and what for single services and checks."""
    words = value.mapping(("availability", "services"))
    own = words["services"].mapping(services) if "services" in words else {}
    common = _budget(words["availability"]) if "availability" in words else 0.0
    if not words:
        value.fail("it needs availability:, services:, or both")
    return common, {name: _budget(each) for name, each in own.items()}


def _budget(value: Value) -> float:
    percent = _number(value)
    if not 50 <= percent < 100:
        value.fail("availability is in percent, such as 99.9: at least 50 and less than 100")
    return 1 - percent / 100


def _url(value: Value) -> str:
    if not value.text().startswith(("http://", "https://")):
        value.fail(f"{value.text()!r} is not a URL that begins with http:// or https://")
    return value.text()
