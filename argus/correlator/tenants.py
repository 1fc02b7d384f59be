"""Who runs where, and who ran where when it broke: the topology that root causes are found along."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from argus.correlator.rule import Failure, Guest
from argus.correlator.rules.guests import BROKEN_TRIGGER, OFF_TRIGGER, guest_is_broken, guest_is_not_running
from argus.correlator.thresholds import ALL, BROKEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.correlator.facts import Facts, Placement, Problem
    from argus.correlator.thresholds import Policy

T = TypeVar("T")
TRIGGERS = {BROKEN_TRIGGER: guest_is_broken.name, OFF_TRIGGER: guest_is_not_running.name}


@dataclass(frozen=True, slots=True)
class Tenants:
    """The guests that matter in one cycle; ``wanted`` are the rules whose findings are told unasked."""

    stays: Mapping[str, tuple[Placement, ...]]  # by guest, the oldest first
    residents: Mapping[str, tuple[Placement, ...]]  # by node
    problems: Mapping[str, tuple[Problem, ...]]  # of guests only
    wanted: frozenset[str]
    failures: Mapping[str, tuple[Failure, ...]]  # by node

    @classmethod
    def of(cls, facts: Facts, policy: Policy) -> Tenants:
        """Index the facts."""
        stays: defaultdict[str, list[Placement]] = defaultdict(list)
        residents: defaultdict[str, list[Placement]] = defaultdict(list)
        for placement in sorted(facts.placements, key=lambda each: (each.since, each.node)):
            stays[placement.guest].append(placement)
            residents[placement.node].append(placement)
        problems: defaultdict[str, list[Problem]] = defaultdict(list)
        for problem in facts.problems:
            if problem.trigger_ident in TRIGGERS:
                problems[problem.host].append(problem)
        wanted = frozenset(_wanted(policy))
        made = cls(_frozen(stays), _frozen(residents), _frozen(problems), wanted, {})
        return cls(made.stays, made.residents, made.problems, wanted, made._failures())

    @property
    def troubled(self) -> set[str]:
        """The guests that have a problem."""
        return set(self.problems)

    def guest(self, uuid: str) -> Guest:
        """Return a guest with the place where it was when its trouble began, else where it is."""
        problems = self.problems.get(uuid, ())
        onset = min((problem.clock for problem in problems), default=None)
        return Guest(uuid, self._place(uuid, onset), problems)

    def on(self, node: str, moment: float | None) -> tuple[Placement, ...]:
        """Return who was on the node at a moment, ``None``: who is there now."""
        stays = self.residents.get(node, ())
        return tuple(stay for stay in stays if (stay.until is None if moment is None else stay.at(moment)))

    def failing(self, node: str) -> tuple[Failure, ...]:
        """Return the guests whose trouble, of a kind that is told, began on the node."""
        return self.failures.get(node, ())

    def _place(self, uuid: str, moment: float | None) -> Placement | None:
        stays = self.stays.get(uuid, ())
        then = [stay for stay in stays if moment is not None and stay.at(moment)]
        return then[-1] if then else (stays[-1] if stays else None)

    def _failures(self) -> dict[str, tuple[Failure, ...]]:
        failures: defaultdict[str, list[Failure]] = defaultdict(list)
        for uuid, problems in self.problems.items():
            told = [each for each in problems if TRIGGERS[each.trigger_ident] in self.wanted]
            for problem in sorted(told, key=lambda each: (each.clock, each.eventid))[:1]:
                place = self._place(uuid, problem.clock)
                if place:
                    failures[place.node].append(Failure(place, problem))
        return _frozen(failures)


def told_triggers(policy: Policy) -> frozenset[str]:
    """Return the triggers whose problems are incidents whatever state the guest's node is in."""
    wanted = _wanted(policy)
    return frozenset(ident for ident, rule in TRIGGERS.items() if rule in wanted)


def _wanted(policy: Policy) -> tuple[str, ...]:
    if policy.guest_incidents == ALL:
        return guest_is_broken.name, guest_is_not_running.name
    return (guest_is_broken.name,) if policy.guest_incidents == BROKEN else ()


def _frozen(lists: Mapping[str, list[T]]) -> dict[str, tuple[T, ...]]:
    return {name: tuple(values) for name, values in lists.items()}
