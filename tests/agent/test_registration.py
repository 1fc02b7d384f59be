"""When a Zabbix host is registered, with which metadata, and when its values wait."""

from __future__ import annotations

import pytest

from argus_agent.registration import ARRIVAL_SECONDS, RESEND_SECONDS, Registrations


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registrations(clock: Clock) -> Registrations:
    found = Registrations("node-1", clock, clock)
    for host, _ in found.due(10):
        found.told(host)
    return found


def test_the_node_is_registered_first_thing_and_again_within_two_minutes(clock: Clock) -> None:
    registrations = Registrations("node-1", clock, clock)
    assert registrations.due(10) == [("node-1", "argus-node seq=1000000")]
    registrations.told("node-1")
    assert registrations.due(10) == []
    clock.now += 59
    assert registrations.due(10) == []
    clock.now += 61
    assert registrations.due(10) == [("node-1", "argus-node seq=1000000")]


def test_each_arrival_has_metadata_of_its_own(registrations: Registrations, clock: Clock) -> None:
    registrations.present({"g"}, {"g"}, ())
    clock.now += ARRIVAL_SECONDS
    assert registrations.due(10) == [("g", "argus-guest node=node-1 seq=1000000")]
    registrations.told("g")
    registrations.present((), (), ())
    clock.now += 3
    registrations.present({"g"}, {"g"}, ())
    clock.now += ARRIVAL_SECONDS
    assert registrations.due(10) == [("g", "argus-guest node=node-1 seq=1005000")]


def test_an_arrival_is_told_when_the_proxy_that_the_guest_left_has_handed_on_its_last_values(
    registrations: Registrations, clock: Clock
) -> None:
    registrations.present({"g"}, {"g"}, ())
    clock.now += ARRIVAL_SECONDS - 0.1
    assert registrations.due(10) == []
    assert "g" in registrations.held()


def test_what_is_taken_is_unproven_for_a_while_after_each_arrival(
    registrations: Registrations, clock: Clock
) -> None:
    registrations.present({"g"}, {"g"}, ())
    registrations.told("g")
    clock.now += RESEND_SECONDS - 1
    registrations.told("g")
    assert registrations.unproven("g")
    clock.now += 1
    assert registrations.unproven("g") is False, "telling the same again proves nothing new"
    assert registrations.unproven("left") is None


def test_another_node_that_took_the_host_makes_it_an_arrival_again(
    registrations: Registrations, clock: Clock
) -> None:
    clock.now += 10 * RESEND_SECONDS
    for _ in range(2):
        registrations.refused("node-1")
    registrations.told("node-1")
    assert registrations.unproven("node-1")


def test_lists_are_told_anew_once_after_an_arrival(registrations: Registrations, clock: Clock) -> None:
    assert not registrations.rediscover("node-1")
    clock.now += RESEND_SECONDS
    assert registrations.rediscover("node-1")
    assert not registrations.rediscover("node-1")


def test_a_guest_that_left_is_not_registered_again(registrations: Registrations, clock: Clock) -> None:
    registrations.present({"g"}, {"g"}, ())
    registrations.present((), (), ())
    clock.now += 40
    assert [host for host, _ in registrations.due(10)] == []
    assert registrations.refused("g") is None, "and what was kept of it is given up when refused"


def test_an_incoming_guest_is_not_registered_and_a_leaving_one_not_forgotten(
    registrations: Registrations,
) -> None:
    registrations.present((), {"coming"}, {"coming"})
    assert registrations.due(10) == []
    registrations.present({"leaving"}, {"leaving"}, ())
    registrations.told("leaving")
    registrations.present((), {"leaving"}, {"leaving"})
    assert registrations.hosts() == {"node-1", "leaving"}
    assert registrations.due(10) == []


def test_a_guest_that_is_off_is_registered_only_when_zabbix_does_not_know_it(
    registrations: Registrations,
) -> None:
    registrations.present({"off"}, (), ())
    assert registrations.due(10) == []
    assert "off" not in registrations.held()
    assert registrations.refused("off") == 0
    assert [host for host, _ in registrations.due(10)] == ["off"]


def test_a_new_hosts_values_wait_until_zabbix_can_have_made_it(
    registrations: Registrations, clock: Clock
) -> None:
    registrations.present({"g"}, {"g"}, ())
    clock.now += ARRIVAL_SECONDS
    registrations.told("g")
    assert "g" in registrations.held()
    clock.now += 2
    assert "g" not in registrations.held()


def test_refused_values_wait_longer_each_time_but_never_more_than_a_minute(
    registrations: Registrations, clock: Clock
) -> None:
    waits = []
    for _ in range(8):
        registrations.refused("node-1")
        begun = clock.now
        while "node-1" in registrations.held():
            clock.now += 1
        waits.append(clock.now - begun)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_zabbix_is_told_anew_when_it_keeps_refusing(registrations: Registrations, clock: Clock) -> None:
    clock.now += 1
    registrations.refused("node-1")
    assert registrations.due(10) == [("node-1", "argus-node seq=1000000")]
    clock.now += 1
    registrations.refused("node-1")
    assert registrations.due(10) == [("node-1", "argus-node seq=1002000")]


def test_taken_values_end_all_waiting(registrations: Registrations) -> None:
    registrations.refused("node-1")
    registrations.taken("node-1")
    assert registrations.held() == set()


def test_registrations_come_a_few_at_a_time_the_longest_due_first(
    registrations: Registrations, clock: Clock
) -> None:
    registrations.present({"a"}, {"a"}, ())
    clock.now += 1
    registrations.present({"a", "b", "c"}, {"a", "b", "c"}, ())
    clock.now += ARRIVAL_SECONDS
    assert [host for host, _ in registrations.due(2)] == ["a", "b"]


def test_a_slow_answer_is_followed_by_a_pause_in_which_nobody_is_told(clock: Clock) -> None:
    registrations = Registrations("node-1", clock, clock)
    registrations.answered("node-1", 1.1)
    clock.now += 9.9
    assert registrations.due(10) == []
    clock.now += 20.1
    assert registrations.due(10)


def test_after_a_quick_answer_the_next_guest_is_told_at_once(
    registrations: Registrations, clock: Clock
) -> None:
    registrations.present({"a", "b"}, {"a", "b"}, ())
    clock.now += ARRIVAL_SECONDS
    registrations.answered("a", 0.09)
    registrations.told("a")
    assert [host for host, _ in registrations.due(10)] == ["b"]


def test_however_slow_zabbix_is_the_next_try_is_within_a_minute_and_a_half(clock: Clock) -> None:
    registrations = Registrations("node-1", clock, clock)
    registrations.answered("node-1", 600.0)
    clock.now += 90
    assert registrations.due(10)


def test_values_of_a_guest_that_is_not_told_of_yet_wait_but_not_for_ever(
    registrations: Registrations, clock: Clock
) -> None:
    """Zabbix may know it from before; if not, the values are refused and kept."""
    registrations.present({"g"}, {"g"}, ())
    clock.now += ARRIVAL_SECONDS + 20
    assert registrations.held() == {"g"}
    clock.now += 11
    assert registrations.held() == set()


def test_an_arrival_comes_before_what_is_only_repeated(registrations: Registrations, clock: Clock) -> None:
    clock.now += 121
    registrations.present({"new"}, {"new"}, ())
    clock.now += ARRIVAL_SECONDS
    assert [host for host, _ in registrations.due(10)] == ["new", "node-1"]
