"""What an incident is, and what may become of it in one cycle."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.catalogue.model import Severity
    from argus.correlator.evaluate import Key


class Phase(enum.Enum):
    """Where an incident is in its life; a resolved one that comes back is a new one."""

    PENDING = "pending"  # found, but not for long enough to tell anybody
    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble of one subject.  Times are seconds since the epoch; ``id`` is 0 until it is stored.

    ``seen_at`` is the newest finding that said something new, ``clear_since`` when it was first seen to be
    well again, ``held`` why nothing can be said at present, ``absent_since`` when its subject left the facts.
    ``cause`` is the incident that it is a symptom of, ``orphan_since`` when that ended; ``told_at`` is when
    people were to be told, ``None`` for a symptom.  ``place`` is the node that the subject is on, ``within``
    what else it lives by, ``label`` its name.  ``flaps`` is how often it was told and resolved shortly before
    it opened.  ``acked``: somebody looks after it.  ``group`` names those that it belongs together with;
    ``size`` is for how many one that gathers spoke when people were last told, ``None`` before that.
    """

    key: Key
    severity: Severity
    summary: str
    evidence: Mapping[str, str]
    since: float
    seen_at: float
    phase: Phase = Phase.PENDING
    opened_at: float | None = None
    clear_since: float | None = None
    absent_since: float | None = None
    resolved_at: float | None = None
    held: str = ""
    label: str = ""
    place: str = ""
    within: tuple[str, ...] = ()
    cause: Key | None = None
    orphan_since: float | None = None
    told_at: float | None = None
    flaps: int = 0
    events: tuple[str, ...] = ()  # the problems in Zabbix that it is about
    acked: bool = False
    group: str = ""
    size: int | None = None
    id: int = 0


class Change(enum.Enum):
    """What became of an incident in one cycle; each is one line in the decision log."""

    FOUND = "found"  # pending from now on
    DROPPED = "dropped"  # was over before it was due to open
    OPENED = "opened"
    HELD = "held"
    RELEASED = "released"
    RESOLVED = "resolved"
    RAISED = "raised"  # became more severe
    GREW = "grew"  # speaks for more than people were told
    EXPLAINED = "explained"  # a symptom of another incident from now on
    PROMOTED = "promoted"  # outlived what explained it
    MERGED = "merged"  # told, and ended, because what was found since explains it


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that must be recorded.

    People are told of OPENED, RAISED, GREW and PROMOTED where ``told_at`` is set, and of RESOLVED and MERGED
    if they were told before.  ``cause`` of one that was merged is the incident that speaks for it.
    """

    change: Change
    incident: Incident
    reason: str
