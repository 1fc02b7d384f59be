"""Guests take turns: what is read is kept with its time; one that cannot be read costs itself alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from argus.catalogue.guest_process import SWAP
from argus.catalogue.model import Sample
from argus_agent.cycle import Cycle
from argus_agent.host import Host
from argus_agent.in_turn import DEAR, MINUTE, InTurn, Pace, SamplesInTurn
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import Stat


def process(number: int, run: int = 0) -> GuestProcess:
    guest = RunningGuest(f"g{number}", f"u{number}", 1000 * run + number, "running", "booted", {})
    return GuestProcess(guest, Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, 1, 1, 0), {}, ())


@dataclass
class Node:
    """Cycles 15 s apart; counts how often each guest was read."""

    guests: list[GuestProcess]
    now: float = 1000.0
    reads: list[str] = field(default_factory=list)
    trouble: dict[str, Exception] = field(default_factory=dict)

    def cycle(self, *, for_events: bool = False) -> Cycle:
        self.now += 15.0
        host = Host("n", Path("/none"), Path("/none"), Path("/none"), lambda: self.now, lambda: self.now)
        return Cycle(host, self.now, running=lambda: tuple(self.guests), for_events=for_events)

    def read(self, cycle: Cycle, found: GuestProcess) -> float:
        self.reads.append(found.guest.uuid)
        if found.guest.uuid in self.trouble:
            raise self.trouble[found.guest.uuid]
        return cycle.at


@pytest.mark.parametrize("guests", [1, 9, 200])
@pytest.mark.parametrize("pace", [MINUTE, DEAR])
def test_everybody_has_a_turn_within_the_round(guests: int, pace: Pace) -> None:
    node = Node([process(n) for n in range(guests)])
    turn = InTurn(node.read, pace)
    cycles = int(pace.seconds / 15) + 1
    for _ in range(cycles + 1):
        list(turn.renew(node.cycle()))
    assert set(node.reads) == {f"u{n}" for n in range(guests)}
    for found, kept in turn.renew(node.cycle()):
        assert node.now - kept.at <= pace.seconds + 15, found.guest.uuid


def test_a_quarter_is_read_in_a_cycle_and_all_are_told() -> None:
    node = Node([process(n) for n in range(100)])
    turn = InTurn(node.read, MINUTE)
    assert len(list(turn.renew(node.cycle()))) == 100
    node.reads.clear()
    assert len(list(turn.renew(node.cycle()))) == 100
    assert len(node.reads) == 25


@pytest.mark.parametrize("guests", [1, 2, 5, 40, 41, 200])
def test_a_slow_pace_is_kept_however_few_the_guests_are(guests: int) -> None:
    node = Node([process(n) for n in range(guests)])
    turn = InTurn(node.read, DEAR)
    counts = []
    for _ in range(81):  # 1200 s
        node.reads.clear()
        list(turn.renew(node.cycle()))
        counts.append(len(node.reads))
    assert counts[0] == 1, "never all at once"
    assert sum(counts) <= 2 * guests + 1
    assert max(counts) <= max(1, guests / 40 + 1)


def test_a_round_takes_so_many_cycles_where_they_are_far_apart() -> None:
    node = Node([process(n) for n in range(100)])
    turn = InTurn(node.read, Pace(1e9, 4, 0, waits=False))
    list(turn.renew(node.cycle()))
    node.reads.clear()
    for _ in range(4):
        list(turn.renew(node.cycle()))
    assert sorted(node.reads) == sorted(f"u{n}" for n in range(100))


def test_dear_files_of_new_guests_wait_for_their_turn() -> None:
    node = Node([process(n) for n in range(100)])
    turn = InTurn(node.read, DEAR)
    list(turn.renew(node.cycle()))
    node.reads.clear()
    node.guests += [process(n) for n in range(100, 200)]
    list(turn.renew(node.cycle()))
    assert len(node.reads) <= 5


def test_a_cycle_for_events_renews_nothing() -> None:
    node = Node([process(1)])
    turn = InTurn(node.read, MINUTE)
    assert list(turn.renew(node.cycle(for_events=True))) == []
    list(turn.renew(node.cycle()))
    list(turn.renew(node.cycle(for_events=True)))
    assert node.reads == ["u1"]


def test_what_was_read_of_an_earlier_run_is_forgotten() -> None:
    node = Node([process(1)])
    turn = InTurn(node.read, Pace(600, 1000, 0, waits=False))
    list(turn.renew(node.cycle()))
    node.guests = [process(1, run=1)]
    ((found, kept),) = turn.renew(node.cycle())
    assert (found.guest.pid, kept.at) == (1001, node.now)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FileNotFoundError(2, "gone"), False),
        (ProcessLookupError(3, "gone"), False),
        (OSError(19, "its control group is gone"), False),
        (PermissionError(13, "may not"), True),
        (ValueError("cut off"), True),
        (KeyError("rbytes"), True),
    ],
)
def test_a_guest_that_cannot_be_read_costs_itself_alone_and_is_told(error: Exception, told: bool) -> None:
    node = Node([process(1), process(2)], trouble={"u1": error})
    turn = InTurn(node.read, MINUTE)
    for _ in range(2):  # also while it waits for its next turn
        cycle = node.cycle()
        assert [found.guest.uuid for found, _ in turn.renew(cycle)] == ["u2"]
        assert (list(cycle.unread) == ["u1"]) is told


def make(_cycle: Cycle, found: GuestProcess) -> Iterator[Sample]:
    yield SWAP.sample(1, found.guest.uuid)
    if found.guest.uuid == "u1":
        raise PermissionError(13, "may not")


def test_samples_carry_the_time_at_which_they_were_measured() -> None:
    node = Node([process(n) for n in range(2, 50)])
    turn = SamplesInTurn(make)
    first = node.cycle()
    assert {one.at for one in turn.collect(first)} == {first.at}
    second = node.cycle()
    assert {one.at for one in turn.collect(second)} == {first.at, second.at}


def test_half_of_what_a_guest_tells_is_not_told() -> None:
    cycle = Node([process(1), process(2)]).cycle()
    assert [one.labels for one in SamplesInTurn(make).collect(cycle)] == [("u2",)]
    assert list(cycle.unread) == ["u1"]
