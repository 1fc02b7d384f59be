"""What a rule is: a pure check of one subject, wrapped with what the engine and people need to know."""

from __future__ import annotations

import enum
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from argus.catalogue.model import Metric, Severity
    from argus.correlator.facts import Facts, NodeValues, Placement, Problem
    from argus.correlator.thresholds import Policy, Thresholds


class Layer(enum.IntEnum):
    """What must work before something above it can be judged.

    A finding holds the incidents of all higher layers of the same subject as they are: a node that does not
    report cannot be found healthy, and one whose libvirtd hangs tells nothing new about its guests.
    """

    SOURCE = 0
    PRESENCE = 1
    SERVICE = 2
    LOAD = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong: one line for people, and the figures that it rests on.

    ``since`` is when it began, in seconds since the epoch, where the facts say so (``None``: when it was
    found); ``label`` names the subject for people; ``place`` is the node that it is on, where it is on one.
    ``within`` names further subjects that this one lives by (the message bus of an API, the aggregate of a
    node): their incidents may be its cause.  ``severity`` takes the place of the rule's own.
    ``events`` are the problems in Zabbix that it is about (``eventid``): acknowledging goes along with them.
    ``group`` names those that the subject belongs together with (a region, a kind of service): only the same
    fault on many of one group can have one cause.
    """

    summary: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    since: float | None = None
    label: str = ""
    place: str = ""
    within: tuple[str, ...] = ()
    severity: Severity | None = None
    events: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It cannot be said; whatever is open stays open, and nothing new opens."""

    reason: str


Outcome = Finding | Unknown | None  # None: looked at, and well


@dataclass(frozen=True, slots=True)
class Failure:
    """A guest that is in trouble, and where it ran when the trouble began."""

    placement: Placement
    problem: Problem


@dataclass(frozen=True, slots=True)
class Node:
    """One node, as a rule sees it.  ``age``: seconds since its newest value, ``None`` if it has none.

    ``ahead``: its newest value is from the future, so that its age says nothing.
    ``guests`` ran on it when it was last heard of; ``failing`` are those among them that are in trouble.
    """

    name: str
    values: NodeValues
    age: float | None
    stale_after: float
    problems: tuple[Problem, ...] = ()
    guests: tuple[Placement, ...] = ()
    failing: tuple[Failure, ...] = ()
    ahead: bool = False

    def __getitem__(self, metric: Metric) -> float:
        """Return a value that the rule named in ``needs``, in base units."""
        value = self.values.number(metric.field)
        if value is None:
            raise KeyError(f"{metric.field} is not there: name it in the rule's needs=")
        return value


@dataclass(frozen=True, slots=True)
class Source:
    """A source of facts, as a rule sees it.

    ``why`` says what kept it from being read, empty if it was; ``since`` is when it last could be, in
    seconds, ``None`` where nobody knows.
    """

    name: str
    why: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Guest:
    """One guest, as a rule sees it; ``placement`` is ``None`` where nobody knows where it ran."""

    uuid: str
    placement: Placement | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One of many subjects with the same fault; ``since`` in seconds since the epoch."""

    label: str
    since: float
    severity: Severity


@dataclass(frozen=True, slots=True)
class Scope:
    """The subjects of one group on which a rule finds a fault at a time that nothing else explains.

    ``fleet`` is how many subjects the group has, well ones too, 0 where nobody knows; ``within`` is what all
    members live by.
    """

    title: str
    members: tuple[Member, ...]
    group: str = ""
    fleet: int = 0
    within: tuple[str, ...] = ()


Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Subject]):
    """A check and its terms.

    ``hold`` is how long, in seconds, a finding must stand before the incident opens; ``keep`` how long all
    must have been well before it resolves.  ``needs`` are the values of a node without which the outcome
    is unknown.  ``explains`` names rules whose incidents are symptoms of this one's when their subject is the
    same or lives by this one's; ``symptom_of`` says the same from the other end, the best explanation first.
    ``gathers``: the incident is nothing but many that failed together, so that it explains only what began
    when it did.
    """

    name: str
    title: str
    runbook: str
    severity: Severity
    layer: Layer
    hold: float
    keep: float
    needs: tuple[Metric, ...]
    check: Callable[[Subject, Thresholds], Outcome]
    explains: tuple[str, ...] = ()
    symptom_of: tuple[str, ...] = ()
    gathers: bool = False


AnyRule = Rule[Any]


@dataclass(frozen=True, slots=True)
class Family(Generic[Subject]):
    """Rules about one kind of subject, and how its subjects are found.

    ``kind`` is the word for people (``service``); ``sources`` are those without which nothing can be said:
    while one of them, or one place of it, cannot be read, nothing is judged and all is held.  ``draw`` yields
    the name of each subject that there is, and the subject; the name makes the incident's key, so it must be
    the same for ever and of no other kind's form (``RegionOne/nova-compute/cmp1``, ``aggregate:ssd``).
    ``many``: the same fault on many subjects at a time becomes one incident, where ``group_of`` says that
    they belong together.
    ``source_of`` names the one source that a subject comes from, where each comes from one: a place that
    cannot be read then holds its own subjects only.
    """

    kind: str
    sources: tuple[str, ...]
    draw: Callable[[Facts, Policy, float], Iterable[tuple[str, Subject]]]
    rules: tuple[Rule[Subject], ...]
    many: bool = False
    source_of: Callable[[str], str] | None = None
    group_of: Callable[[Subject], str] | None = None
    draws_all: bool = True


def rule(
    *,
    severity: Severity,
    layer: Layer,
    hold: float,
    keep: float,
    needs: tuple[Metric, ...] = (),
    explains: tuple[str, ...] = (),
    symptom_of: tuple[str, ...] = (),
    gathers: bool = False,
) -> Callable[[Callable[[Subject, Thresholds], Outcome]], Rule[Subject]]:
    """Make a rule of a check.

    The function's name becomes the incident's; its docstring is the runbook: a first line that names the
    trouble, then what it means and a paragraph ``What to do:``.  Raises ``ValueError`` without them.
    """

    def wrap(check: Callable[[Subject, Thresholds], Outcome]) -> Rule[Subject]:
        title, _, runbook = (inspect.getdoc(check) or "").partition("\n\n")
        if not title or "What to do:" not in runbook:
            raise ValueError(f"rule {check.__name__} needs a runbook: a docstring with 'What to do:'")
        name = check.__name__
        return Rule(
            name,
            title.rstrip("."),
            runbook,
            severity,
            layer,
            hold,
            keep,
            needs,
            check,
            explains,
            symptom_of,
            gathers,
        )

    return wrap
