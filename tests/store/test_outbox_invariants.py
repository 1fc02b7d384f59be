"""Senders die, answers are lost, receivers refuse: who got a beginning gets the end, once and in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from argus.notify.base import Kind
from argus.routing.tree import Due
from argus.store import outbox
from argus.store.engine import open_store
from argus.store.models import Base, IncidentRow, OutboxRow

if TYPE_CHECKING:
    from argus.store.outbox import Claim

pytestmark = pytest.mark.slow

TARGETS = ("email:a@example.org", "pagerduty:oncall", "webhook:ops")
KINDS = {target.partition(":")[0] for target in TARGETS}
LEASE = 60.0  # seconds; every receiver answers, or is given up, within it
NUMBERS = st.integers(0, 5)


class Delivery(RuleBasedStateMachine):
    """Any number of senders on one outbox; ``log`` is what receivers took, in the order in which they did."""

    def __init__(self) -> None:
        super().__init__()
        self.store = open_store("sqlite://")
        Base.metadata.create_all(self.store.engine)
        self.now = 1000.0
        self.is_open: list[int] = []
        self.flying: list[tuple[Claim, float]] = []
        self.log: list[tuple[int, str, int]] = []  # incident, receiver, message
        self.bytes: dict[int, str] = {}
        self.refused: set[tuple[int, str]] = set()  # whoever would not hear of the end
        self.unsure: set[tuple[int, str]] = set()  # whoever did not say whether it took something

    def teardown(self) -> None:
        self.store.engine.dispose()

    @rule(whom=st.sets(st.sampled_from(TARGETS), min_size=1), wait=st.sampled_from([0.0, 30.0]))
    def opens(self, whom: set[str], wait: float) -> None:
        with self.store.write() as session:
            row = IncidentRow(
                rule="r", subject=f"s{self.now}", phase="open", severity="HIGH", summary="", evidence={}
            )
            row.since = row.seen_at = self.now
            session.add(row)
            session.flush()
            dues = [Due(target, self.now + wait, 0, "ops") for target in sorted(whom)]
            outbox.enqueue_open(session, row, dues, {"since": self.now}, self.now)
            self.is_open.append(row.id)
        self.now += 1

    @precondition(lambda self: self.is_open)
    @rule(which=NUMBERS, kind=st.sampled_from([Kind.UPDATE, Kind.ACK]))
    def news(self, which: int, kind: Kind) -> None:
        with self.store.write() as session:
            row = session.get_one(IncidentRow, self.is_open[which % len(self.is_open)])
            outbox.enqueue_news(session, row, kind, {"at": self.now}, self.now, KINDS)

    @precondition(lambda self: self.is_open)
    @rule(which=NUMBERS)
    def ends(self, which: int) -> None:
        number = self.is_open.pop(which % len(self.is_open))
        with self.store.write() as session:
            row = session.get_one(IncidentRow, number)
            row.phase, row.resolved_at = "resolved", self.now
            outbox.enqueue_resolve(session, row, {"ended": self.now}, self.now)

    @rule()
    def a_sender_takes_one(self) -> None:
        with self.store.write() as session:
            outbox.drop_orphans(session, self.now)
            claim = outbox.claim(session, "me", LEASE, self.now)
        if claim is not None:
            self.flying.append((claim, self.now + LEASE))

    @precondition(lambda self: self.flying)
    @rule(which=NUMBERS, arrives=st.booleans())
    def a_sender_dies(self, which: int, arrives: bool) -> None:
        claim = self.land(which, arrives=arrives)
        self.unsure.add((claim.incident_id, claim.receiver))

    @precondition(lambda self: self.flying)
    @rule(which=NUMBERS)
    def a_receiver_takes_it(self, which: int) -> None:
        claim = self.land(which, arrives=True)
        with self.store.write() as session:
            assert outbox.settle_sent(session, claim, self.now)

    @precondition(lambda self: self.flying)
    @rule(which=NUMBERS, arrives=st.booleans())
    def no_answer_comes(self, which: int, arrives: bool) -> None:
        claim = self.land(which, arrives=arrives)
        self.unsure.add((claim.incident_id, claim.receiver))
        with self.store.write() as session:
            assert outbox.settle_retry(session, claim, "timeout", maybe=True, wait=5, now=self.now)

    @precondition(lambda self: self.flying)
    @rule(which=NUMBERS, for_good=st.booleans())
    def a_receiver_refuses(self, which: int, for_good: bool) -> None:
        claim = self.land(which, arrives=False)
        with self.store.write() as session:
            if for_good:
                assert outbox.settle_dead(session, claim, "550", self.now)
                if claim.kind == "resolve":
                    self.refused.add((claim.incident_id, claim.receiver))
            else:
                assert outbox.settle_retry(session, claim, "503", maybe=False, wait=5, now=self.now)

    @rule(seconds=st.sampled_from([1.0, 10.0, LEASE]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        hung = [claim for claim, until in self.flying if until <= self.now]
        self.unsure |= {(claim.incident_id, claim.receiver) for claim in hung}
        self.flying = [(claim, until) for claim, until in self.flying if until > self.now]

    @rule()
    def all_is_well_again(self) -> None:
        """I1, I3: whatever waits goes out, and whoever took a beginning takes the end."""
        while self.is_open:
            self.ends(0)
        self.time_passes(LEASE)
        for _ in range(200):
            self.a_sender_takes_one()
            if not self.flying:
                break
            self.a_receiver_takes_it(0)
        with self.store.read() as session:
            kinds = {row.id: row.kind for row in session.query(OutboxRow)}
            left = session.query(OutboxRow).filter(OutboxRow.state.in_(("pending", "leased"))).count()
        assert left == 0, "I1: what is due waits for ever"
        heard: dict[tuple[int, str], list[str]] = {}
        for incident, receiver, message in self.log:
            heard.setdefault((incident, receiver), []).append(kinds[message])
        for pair, words in heard.items():
            assert words[-1] == "resolve" or pair in self.refused, f"I3: {pair} heard {words}"
            assert words[0] == "open" or pair in self.unsure, f"I2: {pair} heard {words}"

    def land(self, which: int, *, arrives: bool) -> Claim:
        """The fate of one message; ``arrives``: its receiver took it, whether we hear of that or not."""
        claim, _ = self.flying.pop(which % len(self.flying))
        said = json.dumps([claim.kind, claim.payload])
        assert self.bytes.setdefault(claim.id, said) == said, "I5: other bytes under the same key"
        if arrives:
            pair = (claim.incident_id, claim.receiver)
            before = [message for *whose, message in self.log if tuple(whose) == pair]
            first = claim.kind == "open" or (claim.kind == "resolve" and pair in self.unsure)
            assert first or before, "I2: news of what it never heard of"
            assert not before or before[-1] <= claim.id, "I4: an older message after a newer one"
            self.log.append((*pair, claim.id))
        return claim

    @invariant()
    def one_at_a_time(self) -> None:
        pairs = [(claim.incident_id, claim.receiver) for claim, _ in self.flying]
        assert len(set(pairs)) == len(pairs), "I4: two messages of an incident on their way to one receiver"


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=settings().max_examples // 5, stateful_step_count=50, deadline=None
)
