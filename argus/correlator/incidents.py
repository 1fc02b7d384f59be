"""From outcomes to incidents: pending, open, resolved; level-triggered, without I/O and without a clock."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from argus.correlator.causes import Causes, nobody
from argus.correlator.evaluate import Key, evaluate
from argus.correlator.gathering import SCOPE, Fleet, rule_of
from argus.correlator.incident import Change, Effect, Incident, Phase
from argus.correlator.rule import Finding, Scope, Unknown
from argus.correlator.rulebook import BOOK, Rulebook
from argus.correlator.rules.guests import guest_is_broken
from argus.correlator.rules.scope import same_fault_on_many
from argus.correlator.severities import severer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from argus.catalogue.model import Severity
    from argus.correlator.facts import Facts
    from argus.correlator.rule import AnyRule, Outcome
    from argus.correlator.thresholds import Policy

__all__ = ["Change", "Decision", "Effect", "Incident", "Key", "Phase", "decide"]

GUEST = BOOK.kinds[guest_is_broken.name]
ROUNDS = 8  # chains of causes are at most four long; what does not stand by then is told as it is


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one cycle: the incidents that are not over, and what has changed."""

    state: Mapping[Key, Incident] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()


Step = tuple[Incident | None, tuple[Effect, ...]]
UNSEEN = Unknown("not among the facts")


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one cycle; ``mass``: suspiciously many incidents recover at once."""

    policy: Policy
    now: float
    recent: Mapping[Key, int]
    mass: bool
    book: Rulebook
    fleet: Fleet
    silenced: Callable[[Incident], bool]

    def causes(self, believed: Mapping[Key, Incident], before: Mapping[Key, Incident]) -> Causes:
        """Return what explains what, as far as is believed."""
        return Causes(believed, before, self.policy, self.now, self.book, self.fleet, self.silenced)

    def hold(self, rule: AnyRule) -> float:
        """Return how long a finding must stand before the incident opens, in seconds."""
        return self.policy.hold(rule)

    def keep(self, rule: AnyRule, incident: Incident) -> float:
        """Return how long all must have been well before it resolves, in seconds."""
        return max(self.policy.quiet(rule, incident.flaps), self.policy.mass_keep if self.mass else 0.0)


def decide(
    state: Mapping[Key, Incident],
    facts: Facts,
    policy: Policy,
    now: float,
    book: Rulebook = BOOK,
    recent: Mapping[Key, int] | None = None,
    silenced: Callable[[Incident], bool] = nobody,
) -> Decision:
    """Advance all incidents by what ``facts`` say at ``now``.  The same call twice changes nothing more.

    ``recent`` counts how often each incident was told and resolved within ``policy.flap_window``;
    ``silenced`` tells of which incidents people do not want to hear at ``now``: one that speaks for nothing
    but such is not told.  Beyond that it changes nothing.
    """
    is_open = {key for key, incident in state.items() if incident.phase is Phase.OPEN}
    # strictly before: what opens now must not change what a replay of the same facts finds
    causes = {key for key in is_open if (state[key].opened_at or 0.0) < now}
    outcomes = evaluate(facts, policy, now, is_open, state, causes, book)
    well = sum(1 for key in is_open if outcomes.get(key, UNSEEN) is None)
    mass = well > max(policy.mass_min, policy.mass_ratio * len(is_open))
    terms = Terms(policy, now, recent or {}, mass, book, Fleet(facts, policy, now, book), silenced)
    gone = _Gone.of(state, outcomes, facts, terms)
    after: dict[Key, Incident] = {}
    effects: list[Effect] = []

    def take(key: Key, step: Step) -> None:
        if step[0] is not None:
            after[key] = step[0]
        effects.extend(step[1])

    for key in sorted(key for key in {*state, *outcomes} if key.rule != SCOPE):
        incident, rule = state.get(key), book.rules.get(key.rule)
        if rule is None:
            take(key, _finish(incident, now, "the rule no longer exists"))
        elif key not in outcomes:
            take(key, gone.judge(incident, policy, now))
        else:
            take(key, _advance(key, incident, rule, outcomes[key], terms))
    return _explain(state, after, facts, terms, effects)


def _explain(
    before: Mapping[Key, Incident],
    found: Mapping[Key, Incident],
    facts: Facts,
    terms: Terms,
    effects: Sequence[Effect],
) -> Decision:
    """Find scopes and causes; what has none is told.

    Whom a scope speaks for depends on causes, and causes on scopes and on each other: so they are worked out
    against what was worked out, until it stands. Then a replay of the same facts finds nothing else.
    """
    settled = {**found, **{key: each for key, each in before.items() if key.rule == SCOPE}}
    for _ in range(ROUNDS):
        believed = settled
        many, news = _scopes(before, believed, facts, terms)
        subjects = {key: each for key, each in believed.items() if key.rule != SCOPE}
        causes = terms.causes({**subjects, **_as_believed(many, believed)}, before)
        steps = [causes.settle(incident) for incident in (*found.values(), *many.values())]
        settled = {incident.key: incident for incident, _ in steps}
        if settled == believed:
            break
    sized = terms.causes(settled, before)
    steps += [sized.grown(each) for key, each in settled.items() if key.rule in terms.book.gathers]
    settled = {incident.key: incident for incident, _ in steps}
    changed = [effect for _, some in steps for effect in some]
    return Decision(settled, tuple(_told_as_known([*effects, *news], changed, settled)))


def _as_believed(many: Mapping[Key, Incident], believed: Mapping[Key, Incident]) -> dict[Key, Incident]:
    """Return scopes with what the round before worked out of their causes and of who was told."""
    found = dict(many)
    for key in many.keys() & believed.keys():
        last = believed[key]
        found[key] = replace(
            many[key], cause=last.cause, told_at=last.told_at, size=last.size, orphan_since=last.orphan_since
        )
    return found


def _scopes(
    before: Mapping[Key, Incident],
    believed: Mapping[Key, Incident],
    facts: Facts,
    terms: Terms,
) -> tuple[dict[Key, Incident], list[Effect]]:
    """Return the incidents that speak for many, and what became of them."""
    found = terms.causes(believed, before).scopes()
    after: dict[Key, Incident] = {}
    effects: list[Effect] = []
    for key in sorted({key for key in before if key.rule == SCOPE} | found.keys()):
        blind = facts.blindness(terms.book.sources.get(rule_of(key), ()))
        incident, news = (
            _hold(before.get(key), blind) if blind else _scope(key, before.get(key), found.get(key), terms)
        )
        if incident is not None:
            after[key] = incident
        effects.extend(news)
    return after, effects


def _scope(key: Key, incident: Incident | None, scope: Scope | None, terms: Terms) -> Step:
    """One incident for many subjects of a rule; it opens when the first of them would."""
    member = terms.book.rules.get(rule_of(key))
    if member is None:
        return _finish(incident, terms.now, "the rule no longer exists")
    scope = scope or Scope(member.title, ())
    is_open = incident is not None and incident.phase is Phase.OPEN
    limits = terms.policy.thresholds.relaxed() if is_open else terms.policy.thresholds
    outcome = same_fault_on_many.check(scope, limits)
    return _advance(key, incident, replace(same_fault_on_many, hold=terms.hold(member)), outcome, terms)


def _told_as_known(
    effects: Sequence[Effect], causes: Iterable[Effect], settled: Mapping[Key, Incident]
) -> Iterator[Effect]:
    """Yield all effects; what happened before causes were known is told with what is known now."""
    opened = {effect.incident.key for effect in effects if effect.change is Change.OPENED}
    # what opens is told by that; being promoted at the same moment would tell it twice
    more = (each for each in causes if each.change is not Change.PROMOTED or each.incident.key not in opened)
    for effect in (*effects, *more):
        known = settled.get(effect.incident.key, effect.incident)
        if effect.change in {Change.RESOLVED, Change.MERGED, Change.DROPPED} or known is effect.incident:
            yield effect
        else:
            yield Effect(effect.change, known, effect.reason)


def _advance(key: Key, incident: Incident | None, rule: AnyRule, outcome: Outcome, terms: Terms) -> Step:
    if isinstance(outcome, Unknown):
        return _hold(incident and replace(incident, absent_since=None), outcome.reason)
    if outcome is None:
        return _clear(incident, rule, terms)
    return _fire(key, incident, rule, outcome, terms)


def _fire(key: Key, incident: Incident | None, rule: AnyRule, finding: Finding, terms: Terms) -> Step:
    """A finding: start or go on holding it, and open it when it has stood for long enough."""
    now, hold = terms.now, terms.hold(rule)
    since = now if finding.since is None else min(now, finding.since)
    severity = finding.severity or rule.severity
    if incident is None:
        old = new = _found(key, finding, severity, since, now)
    else:
        old, new = incident, _seen(incident, finding, severity, now)
    effects = _released(incident)
    if old.phase is Phase.OPEN:
        if new.severity is not old.severity:
            reason = f"{old.severity.value} -> {new.severity.value}: {finding.summary}"
            effects = (*effects, Effect(Change.RAISED, new, reason))
        return new, effects
    if now - new.since >= hold:
        flaps = terms.recent.get(key, 0)
        new = replace(new, phase=Phase.OPEN, opened_at=now, flaps=flaps)
        reason = f"{finding.summary} (stood for {now - new.since:.0f} s, due after {hold:.0f} s)"
        if flaps >= terms.policy.flap_count:
            reason += f"; it flaps: told and resolved {flaps} times shortly before"
        return new, (*effects, Effect(Change.OPENED, new, reason))
    if incident is None:
        effects = (Effect(Change.FOUND, new, f"{finding.summary} (opens after {hold:.0f} s)"),)
    return new, effects


def _found(key: Key, finding: Finding, severity: Severity, since: float, now: float) -> Incident:
    return Incident(
        key,
        severity,
        finding.summary,
        finding.evidence,
        since,
        now,
        label=finding.label,
        place=finding.place,
        within=finding.within,
        events=finding.events,
        group=finding.group,
    )


def _seen(old: Incident, finding: Finding, severity: Severity, now: float) -> Incident:
    """Return an incident with what is found now; what is as it was is not written again."""
    words: dict[str, Any] = {
        "severity": _worse(old, severity),
        "summary": finding.summary,
        "evidence": finding.evidence,
        "since": min(old.since, now),  # a clock that was set back must not hold for ever
        "clear_since": None,
        "absent_since": None,
        "held": "",
        "label": finding.label,
        "place": finding.place or old.place,
        "within": finding.within or old.within,
        "events": finding.events or old.events,
        "group": finding.group or old.group,
    }
    changed = {name: value for name, value in words.items() if getattr(old, name) != value}
    return replace(old, **changed, seen_at=now) if changed else old


def _worse(old: Incident, found: Severity) -> Severity:
    """An open incident becomes more severe, never less: whoever was told must not wait for a worse word."""
    return severer(old.severity, found) if old.phase is Phase.OPEN else found


def _clear(incident: Incident | None, rule: AnyRule, terms: Terms) -> Step:
    """All is well: forget what was pending; resolve what was open once it has been well for long enough."""
    if incident is None:
        return None, ()
    if incident.phase is Phase.PENDING:
        return None, (Effect(Change.DROPPED, incident, "over before it was due to open"),)
    now, keep = terms.now, terms.keep(rule, incident)
    since = min(now, incident.clear_since if incident.clear_since is not None else now)
    new = replace(incident, clear_since=since, absent_since=None, held="")
    if now - since >= keep:
        step = _finish(new, now, f"well for {now - since:.0f} s, due after {keep:.0f} s")
        return step[0], (*_released(incident), *step[1])
    return new, _released(incident)


def _hold(incident: Incident | None, reason: str) -> Step:
    """Nothing can be said: keep what is there, and begin anew to count how long it has been well."""
    if incident is None:
        return None, ()
    new = replace(incident, held=reason, clear_since=None)
    if incident.held:
        return new, ()
    return new, (Effect(Change.HELD, new, reason),)


def _released(incident: Incident | None) -> tuple[Effect, ...]:
    if incident is None or not incident.held:
        return ()
    reason = f"can be judged again; it was held because: {incident.held}"
    return (Effect(Change.RELEASED, replace(incident, held=""), reason),)


def _finish(incident: Incident | None, now: float, reason: str) -> Step:
    if incident is None:
        return None, ()
    if incident.phase is Phase.PENDING:
        return None, (Effect(Change.DROPPED, incident, reason),)
    new = replace(incident, phase=Phase.RESOLVED, resolved_at=now, held="")
    return None, (Effect(Change.RESOLVED, new, reason),)


@dataclass(frozen=True, slots=True)
class _Gone:
    """What to do with incidents whose subject is not among the facts."""

    facts: Facts
    book: Rulebook
    too_many: frozenset[str]  # kinds of subjects
    all_gone: frozenset[str]  # those of which not one is left

    @classmethod
    def of(
        cls, state: Mapping[Key, Incident], outcomes: Mapping[Key, Outcome], facts: Facts, terms: Terms
    ) -> _Gone:
        """Many nodes that vanish at once look like a lost permission, not like a decommissioning."""
        book = terms.book
        absent, there = defaultdict(set), defaultdict(set)
        for key in state:
            if key not in outcomes:
                absent[book.kinds.get(key.rule, "")].add(key.subject)
        for key in outcomes:
            there[book.kinds[key.rule]].add(key.subject)
        left = {kind: len(there[kind]) for kind in absent}
        left[GUEST] = max(left.get(GUEST, 0), terms.fleet.guests())  # only those in trouble are judged
        many = (kind for kind, subjects in absent.items() if len(subjects) > max(1, left[kind] // 5))
        return cls(facts, book, frozenset(many), frozenset(kind for kind in absent if not left[kind]))

    def judge(self, incident: Incident | None, policy: Policy, now: float) -> Step:
        if incident is None:
            return None, ()
        rule = incident.key.rule
        needs = self.book.needs(rule, incident.key.subject)
        blind = self.facts.blindness(needs)
        if blind:
            return _hold(incident, blind)
        kind = self.book.kinds[rule]
        source = " and ".join(needs).capitalize() or "The configuration"
        since = min(now, incident.absent_since if incident.absent_since is not None else now)
        step = _hold(replace(incident, absent_since=since), f"{source} lists the {kind} no longer")
        enough = policy.forget_many_after if kind in self.too_many else policy.forget_after
        if kind in self.all_gone or now - since < enough:
            return step
        return _finish(step[0], now, f"the {kind} has been gone from {source} for {now - since:.0f} s")
