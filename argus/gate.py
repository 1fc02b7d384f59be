"""What keeps a message from leaving: a silence, a maintenance, a time interval, an acknowledgement, a clock.

It is asked when a message is about to leave, since all of them may begin after the message was written.  The
end of an incident is never held: whoever heard of the beginning hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select

from argus.correlator.rulebook import BOOK
from argus.correlator.rules.scope import same_fault_on_many
from argus.correlator.rules.suspect import many_guests_fail
from argus.cycle import labels
from argus.notify.base import Kind
from argus.routing.times import NEVER
from argus.store.incidents import record
from argus.store.models import IncidentRow, OutboxRow
from argus.store.outbox import State
from argus.store.silences import Quiet, ends_at, hold

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from argus.routing.tree import Router
    from argus.store.models import SilenceRow

HELD = (Kind.OPEN.value, Kind.UPDATE.value, Kind.ACK.value, Kind.REMIND.value)
GROUPS = frozenset({same_fault_on_many.name, many_guests_fail.name})  # beside all about places
RECHECK = 30.0  # seconds after which a group is looked at again: its members change
AT_ONCE = 500  # messages that are looked at together
WAITS = {State.PENDING.value, State.LEASED.value, State.FOLDED.value}


class Hold(NamedTuple):
    """Why a message waits, and until when (seconds since the epoch)."""

    until: float
    silence: SilenceRow | None = None
    why: str = ""


@dataclass
class Gate:
    """Decides at one moment, within one transaction, which messages may leave."""

    session: Session
    router: Router
    now: float
    _quiet: Quiet | None = None
    _of: dict[int, Hold | None] = field(default_factory=dict)
    _said: set[tuple[int, str]] = field(default_factory=set)

    def passes(self, message: OutboxRow) -> bool:
        """Tell whether a message may leave; one that may not waits from then on, a reminder is dropped."""
        if self._lets(message):
            return True
        due = (
            OutboxRow.state == State.PENDING.value,
            OutboxRow.next_at <= self.now,
            OutboxRow.kind.in_(HELD),
            ~OutboxRow.maybe_sent,
        )
        self.session.flush()
        others = select(OutboxRow).where(*due).order_by(OutboxRow.next_at, OutboxRow.id).limit(AT_ONCE)
        for other in self.session.scalars(others.with_for_update(skip_locked=True)).all():
            self._lets(other)
        return False

    def _lets(self, message: OutboxRow) -> bool:
        # what may be there already is sent again as it was, or its end would wait for it
        if message.kind not in HELD or message.maybe_sent or message.state != State.PENDING.value:
            return True
        row = self.session.get_one(IncidentRow, message.incident_id)
        held = self.hold(row, message.receiver, message.kind) or self._clock(message)
        if held is None:
            return True
        self._say(row, message, held)
        if message.kind == Kind.REMIND.value:
            message.state = State.DROPPED.value  # it would tell how long it lasts; a new one will
        elif held.why:
            hold(self.session, message, held.until, held.silence)
        else:
            message.next_at = held.until
        return False

    def hold(self, row: IncidentRow, target: str, kind: str) -> Hold | None:
        """Return what keeps a target from hearing of an incident now; ``None`` when nothing does."""
        if row.phase == "resolved":
            return None
        if row.acked_at is not None and kind in {Kind.OPEN.value, Kind.REMIND.value}:
            return Hold(NEVER, None, f"acknowledged by {row.acked_by}: nobody else is told")
        silenced = self.silenced(row)
        if silenced is not None:
            return silenced
        free = self.router.muted_until(labels(row), target, self.now)
        return Hold(free, None, "time intervals of its route") if free > self.now else None

    def silenced(self, row: IncidentRow) -> Hold | None:
        """Return the silence or maintenance of an incident, or the one that all members of a group share."""
        if row.id not in self._of:
            self._of[row.id] = None  # a circle of members would end here
            self._of[row.id] = self._directly(row) or self._by_members(row)
        return self._of[row.id]

    def _directly(self, row: IncidentRow) -> Hold | None:
        if self._quiet is None:
            self._quiet = Quiet.at(self.session, self.now)
        found = self._quiet.matching(labels(row))
        return None if found is None else Hold(ends_at(found, self.now), found, _words(found))

    def _by_members(self, row: IncidentRow) -> Hold | None:
        """A group says nothing that its members do not: where all of them are silenced, it is too."""
        if row.rule not in GROUPS and BOOK.kinds.get(row.rule) != "place":
            return None
        members = self.session.scalars(
            select(IncidentRow).where(
                IncidentRow.phase != "resolved",
                IncidentRow.cause_rule == row.rule,
                IncidentRow.cause_subject == row.subject,
            )
        ).all()
        found = [held for member in members if (held := self.silenced(member)) is not None]
        if not members or len(found) < len(members):
            return None
        longest = max(found, key=lambda held: held.until)
        why = f"all {len(members)} members are silenced, the last one {longest.why}"
        return Hold(min(self.now + RECHECK, *(held.until for held in found)), longest.silence, why)

    def _clock(self, message: OutboxRow) -> Hold | None:
        """Let an escalation wait for as long after the level below it as the route says.

        A level that nobody could be told of stops nothing: that is when escalation is needed.
        """
        if message.step == 0:
            return None
        opens = self.session.scalars(
            select(OutboxRow).where(
                OutboxRow.incident_id == message.incident_id,
                OutboxRow.kind == Kind.OPEN.value,
                OutboxRow.step < message.step,
            )
        ).all()
        below = [each for each in opens if each.state in WAITS or each.sent_at is not None]
        if not below:
            return None
        level = max(each.step for each in below)
        mine = [each for each in below if each.step == level]
        sent = [each.sent_at for each in mine if each.sent_at is not None]
        if not sent and any(each.attempts and each.state == State.PENDING.value for each in mine):
            return None  # tried in vain
        began = min(sent) if sent else min(self._waits_until(each) for each in mine)
        due = began + max(0.0, message.after - mine[0].after)
        return Hold(due) if due > self.now else None

    def _waits_until(self, message: OutboxRow) -> float:
        return self.now if message.state != State.PENDING.value else message.next_at

    def _say(self, row: IncidentRow, message: OutboxRow, held: Hold) -> None:
        """Write down once what holds an incident back."""
        what = "silenced" if held.silence is not None else "held back"
        if not held.why or (row.id, what) in self._said or message.kind == Kind.REMIND.value:
            return
        self._said.add((row.id, what))
        so = OutboxRow.next_at >= NEVER if held.silence is None else OutboxRow.silence_id == held.silence.id
        known = select(OutboxRow.id).where(
            OutboxRow.incident_id == row.id, OutboxRow.state == State.PENDING.value, so
        )
        if self.session.scalar(known.limit(1)) is not None:
            return
        record(self.session, row, what, held.why, self.now)


def _words(silence: SilenceRow) -> str:
    return f"by silence {silence.id} of {silence.author}: {silence.comment}"
