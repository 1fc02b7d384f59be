"""Which incident is the cause of which: symptoms are kept, and told only when they outlive their cause."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from argus.correlator.evaluate import Key
from argus.correlator.gathering import (
    SCOPE,
    Fleet,
    Group,
    began_together,
    free_scope,
    largest_burst,
    rule_of,
    shared,
    without,
)
from argus.correlator.incident import Change, Effect, Incident, Phase
from argus.correlator.rule import Member, Scope
from argus.correlator.rulebook import BOOK, Rulebook
from argus.correlator.rules.guests import BY_THE_NODE, guest_is_broken
from argus.correlator.rules.reporting import node_does_not_report
from argus.correlator.rules.scope import same_fault_on_many
from argus.correlator.rules.suspect import many_guests_fail
from argus.correlator.severities import severer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from argus.correlator.thresholds import Policy

SKEW_SECONDS = 120.0  # a cause may be found so much later than its symptoms
GROWTH_STANDS = 30.0  # the newest of those that joined must have stood so long before people are told

OF_GUESTS = BY_THE_NODE
# Two faces of one failure: whichever was told first speaks for both.
TWINS = {
    node_does_not_report.name: many_guests_fail.name,
    many_guests_fail.name: node_does_not_report.name,
}
# A wider scope incident that covers another one.
WIDER = {guest_is_broken.name: many_guests_fail.name}


def nobody(_incident: Incident) -> bool:
    """Tell that an incident is not silenced."""
    return False


@dataclass(frozen=True, slots=True)
class Causes:
    """The incidents of one cycle, those that are over left out, and those of the cycle before.

    ``state`` is what is believed of causes and of who was told; settling anew against what was settled
    changes nothing once it is true.  ``fleet`` counts subjects, ``silenced`` tells of which incidents people
    do not want to hear at present.
    """

    state: Mapping[Key, Incident]
    before: Mapping[Key, Incident]
    policy: Policy
    now: float
    book: Rulebook = BOOK
    fleet: Fleet | None = None
    silenced: Callable[[Incident], bool] = nobody
    _groups: dict[Group, list[Incident]] = field(init=False, default_factory=lambda: defaultdict(list))
    _members: dict[Key, list[Incident]] = field(init=False, default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        """Index the scopes by the rule and group they speak for, and whom each that gathers speaks for."""
        for key in sorted(key for key in self.state if key.rule == SCOPE):
            self._groups[rule_of(key), self.state[key].group].append(self.state[key])
        for incident in self.state.values():
            for key in {*self._gatherers(incident)}:
                self._members[key].append(incident)

    def _gatherers(self, incident: Incident) -> Iterator[Key]:
        """Yield every incident that would speak for this one among others."""
        rules = self.book.explained_by.get(incident.key.rule, ())
        yield from self._along(incident, (rule for rule in rules if rule in self.book.gathers))
        yield from (scope.key for scope in self._scopes_of(incident))

    def _scopes_of(self, incident: Incident) -> Iterator[Incident]:
        """Yield the scopes that an incident belongs to: same rule, or a wider one, same group, same time."""
        own = incident.key.rule
        rules = (WIDER.get(rule_of(incident.key)),) if own == SCOPE else (own, WIDER.get(own))
        for rule in rules:
            found = self._groups.get((rule, incident.group), []) if rule else []
            yield from (scope for scope in found if began_together(scope, incident, self.policy))

    def scopes(self) -> dict[Key, Scope]:
        """Group what nothing local explains: by rule and group, and by when it began."""
        counted: defaultdict[Group, list[Incident]] = defaultdict(list)
        for key, incident in self.state.items():
            if key.rule in self.book.many and self._counts(incident):
                counted[key.rule, incident.group].append(incident)
        found: dict[Key, Scope] = {}
        for group, incidents in sorted(counted.items()):
            rest = incidents
            for known in self._groups.get(group, []):
                mine = [each for each in rest if began_together(known, each, self.policy)]
                found[known.key], rest = self._scope(group, mine), without(rest, mine)
            for scope in self._new_scopes(group, rest):
                found[free_scope(group[0], (*found, *self.state, *self.before))] = scope
        return found

    def _new_scopes(self, group: Group, rest: Sequence[Incident]) -> Iterator[Scope]:
        """Yield what is many enough, the largest first."""
        limits = self.policy.thresholds
        while len(rest) >= limits.scope_min:
            burst = largest_burst(rest, self.policy.scope_window)
            scope = self._scope(group, burst)
            if same_fault_on_many.check(scope, limits) is None:
                return
            yield scope
            rest = without(rest, burst)

    def _scope(self, belonging: Group, incidents: Sequence[Incident]) -> Scope:
        rule, group = belonging
        members = (Member(each.label or each.key.subject, each.since, each.severity) for each in incidents)
        return Scope(
            self.book.rules[rule].title,
            tuple(sorted(members, key=_by_time)),
            group,
            self.fleet.size(rule, group) if self.fleet else 0,
            shared(incidents),
        )

    def settle(self, incident: Incident) -> tuple[Incident, tuple[Effect, ...]]:
        """Return an incident as the rules left it with its cause, and what that changed."""
        root = self._told_since(incident)
        if root is not None:
            return self._merged(incident, root)
        cause = self._cause(incident)
        if cause is not None:
            return self._explained(incident, cause)
        new, effects = self._orphaned(incident)
        if new.phase is not Phase.OPEN or new.told_at is not None or new.cause is not None:
            return new, effects
        if self._is_silenced(new):
            return new, effects
        new = replace(new, told_at=self.now, size=self._size(new))
        last = self.before.get(new.key)
        if not effects and last is not None and last.phase is Phase.OPEN:
            effects = (Effect(Change.PROMOTED, new, "not all that it speaks for are silenced any more"),)
        return new, effects

    def _is_silenced(self, incident: Incident) -> bool:
        """Tell whether an incident speaks for others of which people want to hear of none."""
        members = self._members.get(incident.key, [])
        return bool(members) and all(self.silenced(each) for each in members)

    def _size(self, incident: Incident) -> int | None:
        """Return for how many an incident speaks that people want to hear of, ``None`` if it gathers none."""
        if incident.key.rule not in self.book.gathers:
            return None
        return len(self._spoken_for(incident))

    def _spoken_for(self, incident: Incident) -> list[Incident]:
        mine = (incident.key, None)
        found = (each for each in self._members.get(incident.key, ()) if each.cause in mine)
        return [each for each in found if each.clear_since is None and not self.silenced(each)]

    def grown(self, incident: Incident) -> tuple[Incident, tuple[Effect, ...]]:
        """Tell of one that speaks for more than was told: once they stand, at once when they have doubled."""
        size = self._size(incident)
        if size is None or incident.told_at is None or incident.phase is not Phase.OPEN:
            return incident, ()
        if incident.size is None:
            return replace(incident, size=size), ()
        if size <= incident.size or incident.held:
            return incident, ()
        newest = max(each.since for each in self._spoken_for(incident))
        if size < 2 * incident.size and self.now - newest < GROWTH_STANDS:
            return incident, ()
        new = replace(incident, size=size)
        reason = f"it speaks for {size}, no longer for {incident.size}: {incident.summary}"
        return new, (Effect(Change.GREW, new, reason),)

    def _explained(self, incident: Incident, cause: Key) -> tuple[Incident, tuple[Effect, ...]]:
        if incident.cause == cause and incident.orphan_since is None:
            return incident, ()
        new = replace(incident, cause=cause, orphan_since=None)
        if incident.cause == cause:
            return new, ()
        reason = f"a symptom of {cause.rule} on {cause.subject}: {self.state[cause].summary}"
        return new, (Effect(Change.EXPLAINED, new, reason),)

    def _told_since(self, incident: Incident) -> Incident | None:
        """Return what speaks for an incident that was told too early, before its cause was known.

        It must stand, be told, and be no less severe; what somebody looks after already is left to them, and
        what begins to recover to its own end.
        """
        waits = incident.acked or incident.held or incident.clear_since is not None
        if waits or incident.told_at is None or incident.phase is not Phase.OPEN:
            return None
        cause = self._explanation(incident)
        root = None if cause is None else self._root(cause)
        if root is None or root.key == incident.key or root.told_at is None or root.phase is not Phase.OPEN:
            return None
        stands = not root.held and root.clear_since is None
        return root if stands and severer(root.severity, incident.severity) is root.severity else None

    def _merged(self, incident: Incident, root: Incident) -> tuple[Incident, tuple[Effect, ...]]:
        """End what was told, and begin it anew as a symptom, which is told if it outlives its cause."""
        now, cause = self.now, self._explanation(incident)
        over = replace(incident, phase=Phase.RESOLVED, resolved_at=now, cause=root.key)
        reason = f"merged into {root.key.rule} on {root.label or root.key.subject}: {root.summary}"
        anew = replace(incident, opened_at=now, told_at=None, cause=cause, orphan_since=None, flaps=0, id=0)
        return anew, (Effect(Change.MERGED, over, reason), Effect(Change.EXPLAINED, anew, reason))

    def _root(self, key: Key) -> Incident:
        """Follow causes to the last one that is active."""
        seen = {key}
        while (cause := self.state[key].cause) is not None and cause in self.state and cause not in seen:
            seen.add(cause)
            key = cause
        return self.state[key]

    def _orphaned(self, incident: Incident) -> tuple[Incident, tuple[Effect, ...]]:
        """The cause is over: wait whether the symptom ends too; one that does not is told."""
        cause = incident.cause
        if cause is None:
            return incident, ()
        since = self._since_orphaned(incident)
        if incident.held or incident.clear_since is not None or not self._is_due(since):
            return replace(incident, orphan_since=since), ()
        new = replace(incident, cause=None, orphan_since=None)
        reason = f"outlived {cause.rule} on {cause.subject} by {self.now - since:.0f} s"
        if incident.orphan_since is None:
            reason = f"{cause.rule} on {cause.subject} was over before it was due to open"
        return new, (Effect(Change.PROMOTED, new, reason),)

    def _since_orphaned(self, incident: Incident) -> float:
        """Return from when it waits for its own end; a cause that ended unopened is not waited for.

        Once noted it stays: the same cause may begin anew meanwhile, and says nothing of how the first ended.
        """
        if incident.orphan_since is not None:
            return min(self.now, incident.orphan_since)
        last = self.before.get(incident.cause) if incident.cause else None
        was_true = last is None or last.phase is Phase.OPEN
        return self.now if was_true else self.now - self.policy.promote_after

    def _is_due(self, orphan_since: float) -> bool:
        return self.now - orphan_since >= self.policy.promote_after

    def _counts(self, incident: Incident) -> bool:
        """Tell whether an incident is one of the many that a scope speaks for."""
        if incident.clear_since is not None or (incident.held and incident.phase is Phase.PENDING):
            return False
        if incident.told_at is not None:
            return True
        near, cause = self._near(incident), incident.cause
        if near is not None and not self._is_scope_of(near, incident):
            return False
        if cause is None or self._is_scope_of(cause, incident):
            return True
        return self._is_due(self._since_orphaned(incident))

    def _is_scope_of(self, key: Key, incident: Incident) -> bool:
        return key.rule == SCOPE and rule_of(key) == incident.key.rule

    def _cause(self, incident: Incident) -> Key | None:
        """Return the nearest cause that is active; what was told before speaks for itself."""
        return None if incident.told_at is not None else self._explanation(incident)

    def _explanation(self, incident: Incident) -> Key | None:
        near = self._near(incident)
        if near is not None:
            return near
        known = (scope.key for scope in self._scopes_of(incident))
        return next((key for key in known if not self._is_mute(key, incident.key)), None)

    def _near(self, incident: Incident) -> Key | None:
        """Return what explains it nearby.

        Of what cannot be judged nothing new can be said, its cause included.
        """
        if incident.held and incident.orphan_since is None and incident.cause in self.state:
            return incident.cause
        return self._local(incident)

    def _local(self, incident: Incident) -> Key | None:
        """Return what explains it nearby: what is open before what is pending, which may never be told."""
        rule, subject = incident.key
        found = [
            key
            for key in self._along(incident, self.book.explained_by.get(rule, ()))
            if not self._is_mute(key, incident.key)
        ]
        is_open = next((key for key in found if self.state[key].phase is Phase.OPEN), None)
        if is_open is not None:
            return is_open
        twin = self.state.get(Key(TWINS[rule], subject)) if rule in TWINS else None
        if twin is not None and self._speaks(twin, incident):
            return twin.key
        return next(iter(found), None)

    def _is_mute(self, key: Key, symptom: Key) -> bool:
        """Tell whether nobody hears of an incident, for as long as it cannot be judged: it explains nothing.

        It is held, was never told, and neither was what explains it; or that is the symptom itself.
        """
        seen = set()
        while key not in seen:
            seen.add(key)
            incident = self.state[key]
            if incident.told_at is not None:
                return False
            if incident.cause == symptom:
                return True
            if not incident.held:
                return False
            if incident.cause is None or incident.cause not in self.state:
                return True
            key = incident.cause
        return True

    def _along(self, incident: Incident, rules: Iterable[str]) -> Iterator[Key]:
        """Yield what explains an incident on its own subject or on those that it lives by."""
        where = (incident.key.subject, incident.place, *incident.within)
        latest = incident.since + self.policy.stale_after + SKEW_SECONDS
        for rule in rules:
            for subject in where:
                cause = self.state.get(Key(rule, subject)) if subject else None
                if cause is None or cause.since > latest or cause.key == incident.key:
                    continue
                if rule not in self.book.gathers or began_together(cause, incident, self.policy):
                    yield cause.key

    def _speaks(self, twin: Incident, incident: Incident) -> bool:
        """Tell whether the twin opened first, so that it is, or was, told."""
        return (
            twin.phase is Phase.OPEN
            and (twin.key.rule not in self.book.gathers or began_together(twin, incident, self.policy))
            and _age(twin) < _age(incident)
            and not self._is_mute(twin.key, incident.key)
        )


def _by_time(member: Member) -> tuple[float, str]:
    return member.since, member.label


def _age(incident: Incident) -> tuple[bool, float, bool]:
    """Order twins by when they opened; of two at a time the node's own state is the better word."""
    opened = incident.opened_at
    return opened is None, opened or 0.0, incident.key.rule == many_guests_fail.name
