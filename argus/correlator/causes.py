"""Which incident is the cause of which: symptoms are kept, and told only when they outlive their cause."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from argus.correlator.evaluate import Key
from argus.correlator.incident import Change, Effect, Incident, Phase
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
    """The incidents of one cycle, those that are over left out, and those of the cycle before."""

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

    def settle(self) -> Iterator[tuple[Incident, tuple[Effect, ...]]]:
        """Yield every incident with its cause, and what that changed."""
        for incident in self.state.values():
            yield self._settle(incident)

    def _settle(self, incident: Incident) -> tuple[Incident, tuple[Effect, ...]]:
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

    def _orphaned(self, incident: Incident) -> tuple[Incident, tuple[Effect, ...]]:
        """The cause is over: wait whether the symptom ends too; one that does not is told."""
        cause = incident.cause
        if cause is None:
            return incident, ()
        since = min(self.now, self.now if incident.orphan_since is None else incident.orphan_since)
        waiting = replace(incident, orphan_since=since)
        if incident.held or (self._was_true(cause) and self.now - since < self.policy.promote_after):
            return waiting, ()
        new = replace(incident, cause=None, orphan_since=None)
        reason = f"outlived {cause.rule} on {cause.subject} by {self.now - since:.0f} s"
        return new, (Effect(Change.PROMOTED, new, reason),)

    def _was_true(self, cause: Key) -> bool:
        """Tell whether a cause that is gone had opened: one that was dropped explains nothing."""
        last = self.before.get(cause)
        return last is None or last.phase is Phase.OPEN

    def _counts(self, incident: Incident) -> bool:
        """Tell whether an incident is one of the many that a scope speaks for."""
        if incident.clear_since is not None or (incident.held and incident.phase is Phase.PENDING):
            return False
        if incident.told_at is not None:
            return self.now - incident.told_at < self.policy.scope_window
        if self._local(incident) is not None:
            return False
        cause, scope = incident.cause, scope_of(incident.key.rule)
        if cause is None or cause == scope or not self._was_true(cause):
            return True
        since = self.now if incident.orphan_since is None else incident.orphan_since
        return self.now - since >= self.policy.promote_after

    def _cause(self, incident: Incident) -> Key | None:
        """Return the nearest cause that is active; what was told before speaks for itself.

        Of what cannot be judged nothing new can be said, its cause included.
        """
        if incident.told_at is not None:
            return None
        if incident.held and incident.cause in self.state:
            return incident.cause
        local = self._local(incident)
        if local is not None:
            return local
        rule = incident.key.subject if incident.key.rule == same_fault_on_many.name else incident.key.rule
        own = () if incident.key.rule == same_fault_on_many.name else (scope_of(rule),)
        wider = (scope_of(WIDER[rule]),) if rule in WIDER else ()
        return next((key for key in (*own, *wider) if key in self.state), None)

    def _local(self, incident: Incident) -> Key | None:
        """Return what explains it nearby: what is open before what is pending, which may never be told.

        A pending one that is held cannot open at all, for as long as it cannot be judged: it explains nothing
        that can.
        """
        rule, subject = incident.key
        found = list(self._along(incident, self.book.explained_by.get(rule, ())))
        is_open = next((key for key in found if self.state[key].phase is Phase.OPEN), None)
        if is_open is not None:
            return is_open
        twin = self.state.get(Key(TWINS[rule], subject)) if rule in TWINS else None
        if twin is not None and self._speaks(twin, incident):
            return twin.key
        return next((key for key in found if incident.held or not self.state[key].held), None)

    def _along(self, incident: Incident, rules: Iterable[str]) -> Iterator[Key]:
        """Yield what explains an incident on its own subject or on those that it lives by."""
        where = (incident.key.subject, incident.place, *incident.within)
        for rule in rules:
            for subject in where:
                cause = self.state.get(Key(rule, subject))
                if cause is None or cause.key == incident.key:
                    continue
                if incident.since >= cause.since - self.policy.stale_after - SKEW_SECONDS:
                    yield cause.key

    def _speaks(self, twin: Incident, incident: Incident) -> bool:
        """Tell whether the twin opened first, so that it is, or was, told.

        One that is held and whose own cause is over is told by nobody, for as long as it cannot be judged.
        """
        mute = bool(twin.held) and twin.told_at is None and twin.cause not in self.state
        if twin.phase is not Phase.OPEN or twin.cause == incident.key or mute:
            return False
        return _age(twin) < _age(incident)


def _by_time(member: Member) -> tuple[float, str]:
    return member.since, member.label


def _age(incident: Incident) -> tuple[bool, float, bool]:
    """Order twins by when they opened; of two at a time the node's own state is the better word."""
    opened = incident.opened_at
    return opened is None, opened or 0.0, incident.key.rule == many_guests_fail.name
