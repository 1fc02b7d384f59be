"""All rules, by what they are about; a new family of rules is one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.correlator.rules import (
    capacity,
    clocks,
    cloud,
    fleet,
    guests,
    overcommit,
    places,
    problems,
    proxies,
    receivers,
    reporting,
    scope,
    services,
    sources,
    suspect,
)

if TYPE_CHECKING:
    from argus.correlator.rule import AnyRule, Family, Guest, Node, Rule, Scope, Source

SOURCE_RULES: tuple[Rule[Source], ...] = sources.RULES
NODE_RULES: tuple[Rule[Node], ...] = tuple(
    sorted(
        (*reporting.RULES, *services.RULES, *suspect.RULES, *capacity.RULES, *overcommit.RULES),
        key=lambda r: r.layer,
    )
)
GUEST_RULES: tuple[Rule[Guest], ...] = guests.RULES
SCOPE_RULES: tuple[Rule[Scope], ...] = scope.RULES
# Kinds of subjects beside sources, nodes and guests: one line each, nothing else to change.
FAMILIES: tuple[Family[Any], ...] = (
    proxies.FAMILY,
    places.FAMILY,
    *cloud.FAMILIES,
    fleet.FAMILY,
    receivers.FAMILY,
    problems.FAMILY,
    clocks.FAMILY,
)

RULES: tuple[AnyRule, ...] = (
    *SOURCE_RULES,
    *NODE_RULES,
    *GUEST_RULES,
    *SCOPE_RULES,
    *(rule for family in FAMILIES for rule in family.rules),
)
BY_NAME = {rule.name: rule for rule in RULES}
