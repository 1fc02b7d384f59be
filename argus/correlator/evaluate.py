"""Put every subject before every rule that is about it: facts -> outcomes."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from argus.catalogue import libvirt
from argus.correlator.covered import COVERED
from argus.correlator.facts import ZABBIX
from argus.correlator.regions import regions
from argus.correlator.rule import Finding, Layer, Node, Outcome, Rule, Source, Unknown
from argus.correlator.rulebook import BOOK, Rulebook
from argus.correlator.rules import GUEST_RULES, NODE_RULES, SOURCE_RULES
from argus.correlator.tenants import Tenants
from argus.foreign_text import LONGEST_NAME, bounded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from argus.correlator.facts import Facts, NodeValues, Problem
    from argus.correlator.incident import Incident
    from argus.correlator.rule import Family
    from argus.correlator.thresholds import Policy


ZABBIX_BACK = "Zabbix came back"
# A host that is shut down ends its guests first; so long before it falls silent they are its symptoms.
GOING_DOWN_SECONDS = 120.0
AHEAD_SECONDS = 5.0  # clocks that are kept by NTP are nearer than that


_INSTANCE = re.compile(r"Instance (?P<name>\S.*) of the service")  # of the trigger instance_down


class Key(NamedTuple):
    """What makes two findings the same incident."""

    rule: str
    subject: str


def evaluate(
    facts: Facts,
    policy: Policy,
    now: float,
    is_open: Collection[Key],
    known: Mapping[Key, Incident] = MappingProxyType({}),
    causes: Collection[Key] = (),
    book: Rulebook = BOOK,
) -> dict[Key, Outcome]:
    """Judge all subjects of ``facts`` at ``now`` (seconds since the epoch).

    ``is_open`` names the incidents that are judged by relaxed limits, ``known`` all that are not over, and
    ``causes`` those that were open before, so that what fails now may be their symptom.
    Subjects are left out while a source that they need cannot be read: the caller holds what it misses.
    """
    outcomes: dict[Key, Outcome] = {}
    for source in _sources(facts):
        for rule in SOURCE_RULES:
            outcomes[Key(rule.name, source.name)] = rule.check(source, policy.thresholds)
    if ZABBIX not in facts.blind:
        tenants, groups, read_at = Tenants.of(facts, policy), regions(facts), facts.read_at(now)
        for node in _nodes(facts, policy, read_at, tenants):
            judged = _judge(node.name, node, NODE_RULES, policy, read_at, is_open)
            if _not_heard_again(node, facts.awake_since, read_at):
                judged = ((key, Unknown(f"not heard of since {ZABBIX_BACK}")) for key, _ in judged)
            within, group = node.values.within, groups.get(node.name, "")
            outcomes.update(_placed(judged, within, group) if within or group else judged)
        grounds = _grounds(facts, policy, outcomes, causes, known, groups)
        outcomes.update(_guests(policy, tenants, grounds, known, frozenset(facts.unseen)))
    for family in book.families:
        if family.source_of or not facts.blindness(family.sources):  # what is read is judged; the rest held
            outcomes.update(_subjects(family, facts, policy, now, is_open))
    events = _events(facts)
    return {key: _fitting(_with_events(key, outcome, events)) for key, outcome in outcomes.items()}


def _events(facts: Facts) -> dict[Key, tuple[str, ...]]:
    """Return the problems in Zabbix of triggers that say what a rule says, by rule and subject."""
    found: defaultdict[Key, list[str]] = defaultdict(list)
    for problem in facts.problems:
        service = "/".join(problem.tags.get(tag, "") for tag in ("cloud", "region", "service"))
        part = _INSTANCE.match(problem.name)
        subject = f"{service}/{part['name']}" if part else service
        for rule in COVERED.get(problem.trigger_ident, ()):
            for each in {problem.host, subject}:
                found[Key(rule, each)].append(problem.eventid)
    return {key: tuple(sorted(events)) for key, events in found.items()}


def _with_events(key: Key, outcome: Outcome, events: Mapping[Key, tuple[str, ...]]) -> Outcome:
    """Add the problems in Zabbix that the finding is about, so that acknowledging goes along with them."""
    if not isinstance(outcome, Finding) or outcome.events or key not in events:
        return outcome
    return replace(outcome, events=events[key])


def _subjects(
    family: Family[Any], facts: Facts, policy: Policy, now: float, is_open: Collection[Key]
) -> Iterator[tuple[Key, Outcome]]:
    rules = sorted(family.rules, key=lambda rule: rule.layer)
    for name, subject in family.draw(facts, policy, now):
        judged = _judge(bounded(name), subject, rules, policy, now, is_open)
        group = family.group_of(subject) if family.group_of else ""
        yield from (_grouped(judged, group) if group else judged)


def _grouped(judged: Iterable[tuple[Key, Outcome]], group: str) -> Iterator[tuple[Key, Outcome]]:
    for key, outcome in judged:
        yield key, replace(outcome, group=group) if isinstance(outcome, Finding) else outcome


def _fitting(outcome: Outcome) -> Outcome:
    """Bound what names other subjects as the subjects themselves are, so that they are found by it."""
    if not isinstance(outcome, Finding):
        return outcome
    if max(map(len, (outcome.place, outcome.group, *outcome.within))) <= LONGEST_NAME:
        return outcome
    within = tuple(map(bounded, outcome.within))
    return replace(outcome, place=bounded(outcome.place), group=bounded(outcome.group), within=within)


def _sources(facts: Facts) -> Iterator[Source]:
    why = dict(zip(facts.blind, facts.why_blind, strict=True))
    for name in dict.fromkeys((*facts.sources, *why)):
        if name.endswith(f"@{ZABBIX}") and ZABBIX in why:
            continue  # it is read through Zabbix: one silence, one incident
        yield Source(name, why.get(name, ""), facts.blind_since.get(name))


def _nodes(facts: Facts, policy: Policy, now: float, tenants: Tenants) -> Iterator[Node]:
    problems: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in facts.problems:
        problems[problem.host].append(problem)
    for values in facts.nodes:
        age = values.age(now)
        stale = age is None or age > policy.stale_after
        yield Node(
            values.host,
            values,
            age,
            policy.stale_after,
            tuple(problems[values.host]),
            tenants.on(values.host, values.newest if stale and values.at else None),
            tenants.failing(values.host),
            ahead=values.heard is None and values.at > now + AHEAD_SECONDS,
        )


def _not_heard_again(node: Node, awake_since: float, now: float) -> bool:
    """Tell whether the node had no time yet to send something to a Zabbix that has just come back."""
    return node.values.newest < awake_since and now - awake_since <= node.stale_after


def _judge(
    name: str,
    subject: Any,
    rules: Sequence[Rule[Any]],  # lowest layer first
    policy: Policy,
    now: float,
    is_open: Collection[Key],
) -> Iterator[tuple[Key, Outcome]]:
    cause: Rule[Any] | None = None
    for rule in rules:
        key = Key(rule.name, name)
        outcome: Outcome
        if cause is not None and cause.layer < rule.layer:
            outcome = Unknown(f"{cause.title[0].lower()}{cause.title[1:]}")
        elif rule.needs and (missing := _missing(rule, subject.values, policy.stale_after, now)):
            outcome = Unknown(f"no recent value of {missing}")
        else:
            outcome = rule.check(subject, policy.thresholds)
            if outcome is None and key in is_open:
                outcome = rule.check(subject, policy.thresholds.relaxed())
        if isinstance(outcome, Finding) and cause is None and rule.layer < Layer.LOAD:
            cause = rule
        yield key, outcome


def _placed(
    judged: Iterable[tuple[Key, Outcome]], within: tuple[str, ...], group: str
) -> Iterator[tuple[Key, Outcome]]:
    for key, outcome in judged:
        yield key, replace(outcome, within=within, group=group) if isinstance(outcome, Finding) else outcome


def is_ill(values: NodeValues, policy: Policy, now: float) -> bool:
    """Tell whether the node's guests may be hit: it does not report, or its libvirtd does not answer."""
    return now - values.newest > policy.stale_after or not values.number(libvirt.UP.field)


def _missing(rule: Rule[Node], values: NodeValues, stale_after: float, now: float) -> str:
    """Return the first value that the rule needs and that is absent or too old, else nothing."""
    for metric in rule.needs:
        if values.number(metric.field) is None or values.age_of(metric.field, now) > stale_after:
            return metric.field
    return ""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What is known of the node that a guest is on."""

    trouble: str  # why nothing new can be known about its guests; empty if all is well
    heard: float | None  # when it was last heard of; None for a node that Zabbix does not know
    ill_since: float | None = None  # of its own incidents, those that were open before this cycle
    within: tuple[str, ...] = ()
    group: str = ""

    def may_have_ended(self, onset: float) -> bool:
        """Tell whether its trouble may be what ended a guest then; one that was off before was left off."""
        return self.ill_since is not None and onset >= self.ill_since


def _guests(
    policy: Policy,
    tenants: Tenants,
    grounds: Mapping[str, _Ground],
    known: Mapping[Key, Incident],
    unseen: Collection[str],
) -> Iterator[tuple[Key, Outcome]]:
    """Judge guests that have a problem, and those that have an incident: not those that Zabbix hides."""
    mine = {key for key in known if key.rule in GUEST_NAMES}
    for uuid in sorted(tenants.troubled | {key.subject for key in mine}):
        guest = tenants.guest(uuid)
        ground = grounds.get(guest.placement.node if guest.placement else "", NOWHERE)
        for rule in GUEST_RULES:
            key = Key(rule.name, uuid)
            finding = rule.check(guest, policy.thresholds)
            if isinstance(finding, Finding) and (ground.within or ground.group):
                finding = replace(finding, within=ground.within, group=ground.group)
            if not isinstance(finding, Finding):
                if key in mine and uuid not in unseen:
                    yield key, Unknown(ground.trouble) if ground.trouble else None
            elif key in mine:  # once found it stands: its node's recovery does not make it doubtful
                yield key, finding
            elif rule.name in tenants.wanted or (tenants.wanted and ground.may_have_ended(_onset(finding))):
                yield key, _told_by(ground, finding)


def _onset(finding: Finding) -> float:
    return finding.since or 0.0


def _grounds(
    facts: Facts,
    policy: Policy,
    outcomes: Mapping[Key, Outcome],
    causes: Collection[Key],
    known: Mapping[Key, Incident],
    groups: Mapping[str, str],
) -> dict[str, _Ground]:
    early = policy.stale_after + GOING_DOWN_SECONDS  # so long before it was found its trouble may have begun
    rules = [rule for rule in NODE_RULES if rule.layer < Layer.LOAD]
    grounds = {}
    for values in facts.nodes:
        keys = [Key(rule.name, values.host) for rule in rules]
        found = [outcome for key in keys if isinstance(outcome := outcomes.get(key), Finding)]
        trouble = found[0].summary if found else ""
        since = min((known[key].since - early for key in keys if key in causes), default=None)
        group = groups.get(values.host, "")
        grounds[values.host] = _Ground(trouble, values.newest, since, values.within, group)
    return grounds


def _told_by(ground: _Ground, finding: Finding) -> Outcome:
    """A guest's failure is its own only when its node was heard of since: else the node may be the cause."""
    ill = ground.ill_since is not None
    if ground.trouble or ill or ground.heard is None or ground.heard > _onset(finding):
        return finding
    return Unknown("its node has not been heard of since: it may be the cause")


NOWHERE = _Ground("", None)
GUEST_NAMES = frozenset(rule.name for rule in GUEST_RULES)
