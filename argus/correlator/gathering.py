"""Incidents that speak for many: who belongs to one, and how many of a kind there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus.correlator.evaluate import GUEST_NAMES, Key
from argus.correlator.regions import regions
from argus.correlator.rules import NODE_RULES
from argus.correlator.rules.scope import same_fault_on_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from argus.correlator.facts import Facts
    from argus.correlator.incident import Incident
    from argus.correlator.rulebook import Rulebook
    from argus.correlator.thresholds import Policy

SCOPE = same_fault_on_many.name
Group = tuple[str, str]  # a rule, and what its subjects have in common


def scope_of(rule: str, number: int = 1) -> Key:
    """Return the key of an incident that speaks for many subjects of a rule; there may be several."""
    return Key(SCOPE, rule if number == 1 else f"{rule}#{number}")


def rule_of(scope: Key) -> str:
    """Return the rule whose subjects an incident of ``same_fault_on_many`` speaks for."""
    return scope.subject.partition("#")[0]


def free_scope(rule: str, taken: Iterable[Key]) -> Key:
    """Return the first key of a rule's that no incident has."""
    known, number = set(taken), 1
    while scope_of(rule, number) in known:
        number += 1
    return scope_of(rule, number)


def began_together(one: Incident, other: Incident, policy: Policy) -> bool:
    """Tell whether two began within ``scope_window`` of each other: what fails later fails by itself."""
    return abs(one.since - other.since) <= policy.scope_window


def largest_burst(incidents: Sequence[Incident], window: float) -> list[Incident]:
    """Return the most that began within ``window`` seconds of each other, the earliest of those that tie."""
    by_time = sorted(incidents, key=lambda each: (each.since, each.key))
    best: list[Incident] = []
    start = 0
    for end, last in enumerate(by_time):
        while last.since - by_time[start].since > window:
            start += 1
        if end + 1 - start > len(best):
            best = by_time[start : end + 1]
    return best


def without(incidents: Sequence[Incident], these: Iterable[Incident]) -> list[Incident]:
    """Return the incidents that are not among ``these``."""
    keys = {each.key for each in these}
    return [each for each in incidents if each.key not in keys]


def shared(incidents: Sequence[Incident]) -> tuple[str, ...]:
    """Return what all of them live by (``rack:r1``), in the order of the first."""
    if not incidents:
        return ()
    common = set(incidents[0].within).intersection(*(each.within for each in incidents))
    return tuple(name for name in incidents[0].within if name in common)


@dataclass(frozen=True)
class Fleet:
    """How many subjects of a rule there are in a group, well ones too; counted once it is asked for."""

    facts: Facts
    policy: Policy
    now: float
    book: Rulebook

    def size(self, rule: str, group: str) -> int:
        """Return the number, 0 where nobody knows it."""
        return self._counted.get((rule, group), 0)

    def guests(self) -> int:
        """Return how many guests all nodes together say they have."""
        return sum(int(node.number(allocation.GUESTS.field) or 0) for node in self.facts.nodes)

    @cached_property
    def _counted(self) -> Mapping[Group, int]:
        return Counter(dict(self._nodes_and_guests())) + Counter(self._subjects())

    def _nodes_and_guests(self) -> Iterator[tuple[Group, int]]:
        groups = regions(self.facts)
        nodes: Counter[str] = Counter()
        guests: Counter[str] = Counter()
        for node in self.facts.nodes:
            group = groups.get(node.host, "")
            nodes[group] += 1
            guests[group] += int(node.number(allocation.GUESTS.field) or 0)
        for group, number in nodes.items():
            yield from (((rule.name, group), number) for rule in NODE_RULES)
            yield from (((rule, group), guests[group]) for rule in sorted(GUEST_NAMES))

    def _subjects(self) -> Iterator[Group]:
        for family in self.book.families:
            if family.many and family.draws_all:
                for _, subject in family.draw(self.facts, self.policy, self.now):
                    group = family.group_of(subject) if family.group_of else ""
                    yield from ((rule.name, group) for rule in family.rules)
