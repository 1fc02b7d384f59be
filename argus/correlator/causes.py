"""Which incident is the cause of which: symptoms are kept, and told only when they outlive their cause."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.correlator.evaluate import Key
from argus.correlator.incident import Change, Effect, Incident, Phase, severer
from argus.correlator.rule import Member, Scope
from argus.correlator.rulebook import BOOK, Rulebook
from argus.correlator.rules.guests import BY_THE_NODE, guest_is_broken
from argus.correlator.rules.reporting import node_does_not_report
from argus.correlator.rules.scope import same_fault_on_many
from argus.correlator.rules.suspect import many_guests_fail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus.correlator.thresholds import Policy

SKEW_SECONDS = 120.0  # a cause may be found so much later than its symptoms

OF_GUESTS = BY_THE_NODE
# Two faces of one failure: whichever was told first speaks for both.
TWINS = {
    node_does_not_report.name: many_guests_fail.name,
    many_guests_fail.name: node_does_not_report.name,
}
# A wider scope incident that covers another one.
WIDER = {guest_is_broken.name: many_guests_fail.name}


def scope_of(rule: str) -> Key:
    """Return the key of the incident that speaks for all subjects of a rule."""
    return Key(same_fault_on_many.name, rule)


@dataclass(frozen=True, slots=True)
class Causes:
    """The incidents of one cycle, those that are over left out, and those of the cycle before.

    ``state`` is what is believed of causes and of who was told; settling anew against what was settled
    changes nothing once it is true.
    """

    state: Mapping[Key, Incident]
    before: Mapping[Key, Incident]
    policy: Policy
    now: float
    book: Rulebook = BOOK

    def scopes(self) -> dict[str, Scope]:
        """Group by rule what nothing local explains."""
        members: defaultdict[str, list[Member]] = defaultdict(list)
        for key, incident in self.state.items():
            if key.rule in self.book.many and self._counts(incident):
                members[key.rule].append(Member(incident.label or key.subject, incident.since))
        return {
            rule: Scope(self.book.rules[rule].title, tuple(sorted(found, key=_by_time)))
            for rule, found in members.items()
        }

    def settle(self, incident: Incident) -> tuple[Incident, tuple[Effect, ...]]:
        """Return an incident as the rules left it with its cause, and what that changed."""
        root = self._told_since(incident)
        if root is not None:
            return self._merged(incident, root)
        cause = self._cause(incident)
        if cause is not None:
            return self._explained(incident, cause)
        new, effects = self._orphaned(incident)
        if new.phase is Phase.OPEN and new.told_at is None and new.cause is None:
            new = replace(new, told_at=self.now)
        return new, effects

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
        if incident.held or not self._is_due(since):
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
            return self.now - incident.told_at < self.policy.scope_window
        near, scope = self._near(incident), scope_of(incident.key.rule)
        if near is not None and near != scope:
            return False
        cause = incident.cause
        return cause is None or cause == scope or self._is_due(self._since_orphaned(incident))

    def _cause(self, incident: Incident) -> Key | None:
        """Return the nearest cause that is active; what was told before speaks for itself."""
        return None if incident.told_at is not None else self._explanation(incident)

    def _explanation(self, incident: Incident) -> Key | None:
        near = self._near(incident)
        if near is not None:
            return near
        if incident.told_at is not None and not self._counts(incident):
            return None  # an old story is none of the many
        rule = incident.key.subject if incident.key.rule == same_fault_on_many.name else incident.key.rule
        own = () if incident.key.rule == same_fault_on_many.name else (scope_of(rule),)
        wider = (scope_of(WIDER[rule]),) if rule in WIDER else ()
        known = (key for key in (*own, *wider) if key in self.state)
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
                if cause is not None and cause.since <= latest and cause.key != incident.key:
                    yield cause.key

    def _speaks(self, twin: Incident, incident: Incident) -> bool:
        """Tell whether the twin opened first, so that it is, or was, told."""
        return (
            twin.phase is Phase.OPEN
            and _age(twin) < _age(incident)
            and not self._is_mute(twin.key, incident.key)
        )


def _by_time(member: Member) -> tuple[float, str]:
    return member.since, member.label


def _age(incident: Incident) -> tuple[bool, float, bool]:
    """Order twins by when they opened; of two at a time the node's own state is the better word."""
    opened = incident.opened_at
    return opened is None, opened or 0.0, incident.key.rule == many_guests_fail.name
