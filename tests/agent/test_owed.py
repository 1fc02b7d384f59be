"""A sink that sends seldom tells of all the time since it sent last."""

from __future__ import annotations

import pytest

from argus.catalogue import guest_cpu, guest_disk, guest_throttle
from argus.catalogue.model import Metric, Row, Sample, samples_of
from argus_agent.derived import Derived, Part, quotient
from argus_agent.sinks.owed import FORGET_SECONDS, Owed

A, B = "guest-a", "guest-b"


def steal(uuid: str, waited: float, seconds: float = 15.0) -> Row:
    vcpu = quotient((uuid, 0), waited, seconds, most=1.0)
    return Row((guest_cpu.TIME, guest_cpu.STEAL_MAX), (7.0, vcpu), (uuid,))


class Sink:
    """What a sink of 15 s ticks is given to send."""

    def __init__(self) -> None:
        self.owed = Owed()
        self.at = 1000.0
        self.sent_until = 0.0

    def tick(self, *told: Sample | Row, sent: bool, here: tuple[str, ...] = (A, B)) -> dict[Metric, object]:
        self.at += 15
        found = list(
            self.owed.settle(
                told,
                self.at,
                here,
                here if sent else (),
                lambda one: one.at is None or one.at > self.sent_until,
            )
        )
        if sent:
            self.sent_until = self.at
        return {sample.metric: sample.value for sample in samples_of(found) if sample.labels[0] == A}


def test_what_is_sent_covers_the_ticks_that_were_not() -> None:
    sink = Sink()
    for waited in (15, 15, 15):
        assert sink.tick(steal(A, waited), sent=False) == {}
    assert sink.tick(steal(A, 0), sent=True)[guest_cpu.STEAL_MAX] == pytest.approx(0.75)
    assert sink.tick(steal(A, 0), sent=True)[guest_cpu.STEAL_MAX] == 0, "and is told once"


def test_a_gauge_that_has_no_value_in_the_tick_that_is_sent_is_told_all_the_same() -> None:
    sink = Sink()
    latency = guest_disk.READ_LATENCY.sample(Derived((Part("vda", 3, 6),)), A, "vda")
    sink.tick(latency, sent=False)
    assert sink.tick(sent=True) == {guest_disk.READ_LATENCY: 0.5}


def test_a_guest_that_was_not_there_when_its_turn_came_is_told_of_at_the_next() -> None:
    sink = Sink()
    sink.tick(steal(A, 15), sent=False)
    assert sink.tick(steal(B, 0), sent=True, here=(B,)) == {}
    assert sink.tick(steal(A, 0), sent=True)[guest_cpu.STEAL_MAX] == 0.5


def test_a_guest_that_stays_away_is_forgotten() -> None:
    sink = Sink()
    sink.tick(steal(A, 15), sent=False)
    sink.at += FORGET_SECONDS
    sink.tick(sent=False, here=(B,))
    assert sink.tick(steal(A, 0), sent=True)[guest_cpu.STEAL_MAX] == 0


def test_what_takes_turns_is_summed_once_however_often_it_is_told() -> None:
    sink = Sink()

    def ratio(throttled: float, at: float) -> Sample:
        return guest_throttle.RATIO.sample(Derived((Part(A, throttled, 100),)), A)._replace(at=at)

    sink.tick(ratio(100, 1015), sent=False)
    sink.tick(ratio(100, 1015), sent=False)
    sink.tick(ratio(0, 1045), sent=False)
    assert sink.tick(ratio(0, 1045), sent=True) == {guest_throttle.RATIO: 0.5}
    assert sink.tick(ratio(0, 1045), sent=False) == {guest_throttle.RATIO: 0}, "sent before: nobody's debt"
    assert sink.tick(ratio(50, 1090), sent=True) == {guest_throttle.RATIO: 0.5}


def test_what_takes_turns_counts_also_after_the_clock_was_set_back() -> None:
    sink = Sink()

    def ratio(throttled: float, at: float) -> Sample:
        return guest_throttle.RATIO.sample(Derived((Part(A, throttled, 100),)), A)._replace(at=at)

    sink.tick(ratio(100, 1015), sent=False)
    sink.at = 100.0
    assert sink.tick(ratio(0, 115), sent=True) == {guest_throttle.RATIO: 0.5}
