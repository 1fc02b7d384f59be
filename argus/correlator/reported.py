"""What one trigger of Zabbix reports on one host that Argus knows: the subject of rules about problems."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.covered import COVERED
from argus.correlator.host_names import HostNames
from argus.correlator.rule import Finding
from argus.correlator.service import Services

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from argus.correlator.facts import Facts, NodeValues, Placement, Problem
    from argus.correlator.thresholds import Policy, ProblemTerms

PREFIX = "problem:"
RANKS = ("not classified", "information", "warning", "average", "high", "disaster")  # Zabbix' 0 to 5
HUNG, TWICE, TWO_AGENTS = "guest_hung", "guest_runs_twice", "agents_share_a_name"
OWN = frozenset((HUNG, TWICE, TWO_AGENTS))  # Trigger.ident of those with a rule in rules/problems.py
_FIGURES = re.compile(r"\d+(?:[.,:]\d+)*")
_SEVERITIES = (*([Severity.INFO] * 2), Severity.WARNING, Severity.AVERAGE, *([Severity.HIGH] * 2))


@dataclass(frozen=True, slots=True)
class StillThere:
    """Of what is an incident already: the subjects whose trigger Zabbix still has and shows.

    Where such a trigger has no problem any more, it is over.  One that is not shown any more may have been
    deleted, or the right to see it may be gone: nothing is said of it.
    """

    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What one trigger reports on one host, nothing when that is over.

    ``node`` is the node that it is on, ``stay`` the guest's stay on it when it began, for a guest, and
    ``nodes`` where that was lately, the newest first.
    """

    host: str
    problems: tuple[Problem, ...] = ()
    node: str = ""
    within: tuple[str, ...] = ()
    stay: Placement | None = None
    nodes: tuple[str, ...] = ()

    @property
    def ident(self) -> str:
        """``Trigger.ident``, empty for triggers of others and where all is well."""
        return self.problems[0].trigger_ident if self.problems else ""

    @property
    def label(self) -> str:
        """Name the host for people."""
        return self.stay.label if self.stay is not None else self.host

    @property
    def fault(self) -> str:
        """What is the same on many hosts: the trigger's ident, else the problem's name without figures."""
        if not self.problems:
            return ""
        first = self.problems[0]
        return first.trigger_ident or _FIGURES.sub("#", first.name.replace(first.host, "HOST"))

    def finding(self, summary: str = "", more: Mapping[str, str] | None = None) -> Finding:
        """Return what is wrong, in Zabbix' words unless others are given; there is a problem."""
        first, worst = self.problems[0], max(each.severity for each in self.problems)
        evidence = {"problem in Zabbix": first.name, "severity in Zabbix": RANKS[worst], "host": first.host}
        where = ""
        if self.stay is not None:
            evidence |= {"node": self.node, "project": self.stay.project or "unknown"}
            where = f" on {self.node}"
        if len(self.problems) > 1:
            evidence["problems of the trigger"] = str(len(self.problems))
        return Finding(
            summary or f"{self.label}{where}: {first.name}",
            evidence | dict(more or {}),
            first.clock,
            self.label,
            self.node,
            self.within,
            _SEVERITIES[worst],
            tuple(each.eventid for each in self.problems),
        )


def subject_of(problem: Problem, host: str) -> str:
    """Return the name of the subject; the trigger's id comes first, so that it survives a long name."""
    return f"{PREFIX}{problem.trigger_id or problem.trigger_ident or problem.name}/{host}"


def trigger_of(subject: str) -> str:
    """Return the id of the trigger that a subject is about."""
    return subject.removeprefix(PREFIX).partition("/")[0]


def is_wanted(problem: Problem, terms: ProblemTerms) -> bool:
    """Tell whether a problem is an incident: by a rule about it here; else by severity and tags, if no
    other rule is about it.
    """
    if problem.trigger_ident in OWN:
        return True
    if terms.severity is None or problem.severity < terms.severity or problem.trigger_ident in COVERED:
        return False
    tags = {*problem.tags.items(), *problem.more_tags}
    return (not terms.tags or _has(tags, terms.tags)) and not _has(tags, terms.without)


def _has(tags: Collection[tuple[str, str]], wanted: Iterable[tuple[str, str | None]]) -> bool:
    names = {name for name, _ in tags}
    return any(name in names if value is None else (name, value) in tags for name, value in wanted)


def hosts(problems: Iterable[Problem], terms: ProblemTerms) -> set[str]:
    """Return the hosts of wanted problems; where guests among them ran has to be known."""
    return {problem.host for problem in problems if not problem.foreign and is_wanted(problem, terms)}


def draw(facts: Facts, policy: Policy, _now: float) -> Iterator[tuple[str, Report]]:
    """Yield what is reported on hosts that are known, and what is over."""
    wanted = [problem for problem in facts.problems if is_wanted(problem, policy.problems)]
    told = {subject for each in facts.told(StillThere) for subject in each.subjects}
    if not wanted and not told:
        return
    nodes = {node.host: node for node in facts.nodes}
    known = HostNames({*nodes, *_of_services(facts)})
    stays: defaultdict[str, list[Placement]] = defaultdict(list)
    for placement in facts.placements:
        stays[placement.guest].append(placement)
    reported: defaultdict[tuple[str, str], list[Problem]] = defaultdict(list)
    for problem in wanted:
        host = _host(problem, known)
        if host is not None:
            reported[subject_of(problem, host), host].append(problem)
    for (subject, host), problems in reported.items():
        yield subject, _report(host, problems, nodes, stays.get(host, ()))
    for subject in sorted(told - {subject for subject, _ in reported}):
        yield subject, Report(subject.partition("/")[2])


def _of_services(facts: Facts) -> set[str]:
    return {part.host for told in facts.told(Services) for part in told.parts if part.host}


def _host(problem: Problem, known: HostNames) -> str | None:
    """Return under which name Argus knows the host; its own under theirs."""
    found = (known.find(host) for host in (problem.host, *problem.also_on))
    name = next((each for each in found if each is not None), None)
    return name if name is not None or problem.foreign else problem.host


def _report(
    host: str, problems: Sequence[Problem], nodes: Mapping[str, NodeValues], stays: Sequence[Placement]
) -> Report:
    found = tuple(sorted(problems, key=lambda each: (each.clock, each.eventid)))
    began = [stay for stay in stays if stay.at(found[0].clock)] or stays
    stay = max(began, key=lambda each: each.since, default=None)
    node = stay.node if stay is not None else host if host in nodes else ""
    within = nodes[node].within if node in nodes else ()
    service = next((tags for each in found if (tags := _service(each))), "")
    lately = dict.fromkeys(each.node for each in sorted(stays, key=lambda each: -each.since))
    return Report(host, found, node, (*within, service) if service else within, stay, tuple(lately)[:2])


def _service(problem: Problem) -> str:
    """Return the name of the service that a host of ours stands for, by the tags of its problem."""
    parts = [problem.tags.get(tag, "") for tag in ("cloud", "region", "service")]
    return "/".join(parts) if all(parts) else ""
