"""All rules of one installation, and what they declare about each other, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.correlator import rules
from argus.correlator.facts import ZABBIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from argus.correlator.rule import AnyRule, Family


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules by name.

    ``explained_by`` names, for the rule of a symptom, the rules of its possible causes, the best explanation
    first; ``sources`` those facts without which a rule's subjects are unknown; ``kinds`` what a rule's
    subjects are, for people and for matchers; ``many`` the rules whose incidents may become one; ``gathers``
    those whose incidents explain only what began when they did;
    ``source_of``, by rule, tells which one source a subject comes from.
    """

    rules: Mapping[str, AnyRule]
    families: tuple[Family[Any], ...]
    explained_by: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, tuple[str, ...]]
    kinds: Mapping[str, str]
    many: frozenset[str]
    gathers: frozenset[str]
    source_of: Mapping[str, Callable[[str], str]]

    def needs(self, rule: str, subject: str) -> tuple[str, ...]:
        """Return the sources without which nothing can be said about one subject by a rule."""
        one = self.source_of.get(rule)
        return (one(subject),) if one else self.sources.get(rule, ())

    @classmethod
    def of(cls, *families: Family[Any]) -> Rulebook:
        """Make a book of the rules about sources, nodes and guests, and of ``families``.

        Raises ``ValueError`` for a name that is there twice and for edges that cannot be.
        """
        built_in: tuple[tuple[str, tuple[AnyRule, ...]], ...] = (
            ("source", rules.SOURCE_RULES),
            ("node", rules.NODE_RULES),
            ("guest", rules.GUEST_RULES),
            ("scope", rules.SCOPE_RULES),
        )
        chapters: list[tuple[str, tuple[AnyRule, ...]]] = [
            *built_in,
            *((family.kind, family.rules) for family in families),
        ]
        every: list[AnyRule] = [rule for _, chapter in chapters for rule in chapter]
        known = {rule.name: rule for rule in every}
        if len(known) != len(every):
            raise ValueError("two rules have the same name")
        of_zabbix: tuple[AnyRule, ...] = (*rules.NODE_RULES, *rules.GUEST_RULES)
        sources: dict[str, tuple[str, ...]] = {rule.name: (ZABBIX,) for rule in of_zabbix}
        sources |= {rule.name: family.sources for family in families for rule in family.rules}
        many = {rule.name for rule in of_zabbix}
        many |= {rule.name for family in families if family.many for rule in family.rules}
        kinds = {rule.name: kind for kind, chapter in chapters for rule in chapter}
        single = {r.name: each for family in families if (each := family.source_of) for r in family.rules}
        gathers = frozenset(rule.name for rule in every if rule.gathers)
        edges = explanations(every)
        return cls(known, families, edges, sources, kinds, frozenset(many), gathers, single)


def explanations(every: Iterable[AnyRule]) -> dict[str, tuple[str, ...]]:
    """Return, for the rule of a symptom, the rules of its possible causes, the best explanation first.

    Raises ``ValueError`` for an edge to a rule that does not exist, and for edges that run in a circle: an
    incident would be held back as a symptom of itself.
    """
    known = {rule.name: rule for rule in every}
    found: dict[str, list[str]] = {name: list(rule.symptom_of) for name, rule in known.items()}
    for name, rule in known.items():
        for symptom in rule.explains:
            if symptom not in known:
                raise ValueError(f"rule {name} explains {symptom}, which does not exist")
            if name not in found[symptom]:
                found[symptom].append(name)
    for name, causes in found.items():
        for cause in causes:
            if cause not in known:
                raise ValueError(f"rule {name} is a symptom of {cause}, which does not exist")
    _refuse_circles(found)
    return {name: tuple(causes) for name, causes in found.items() if causes}


def _refuse_circles(causes: Mapping[str, Iterable[str]]) -> None:
    well: set[str] = set()

    def follow(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(f"rules explain each other in a circle: {' <- '.join((*path, name))}")
        if name not in well:
            for cause in causes.get(name, ()):
                follow(cause, (*path, name))
            well.add(name)

    for name in causes:
        follow(name, ())


BOOK = Rulebook.of(*rules.FAMILIES)
