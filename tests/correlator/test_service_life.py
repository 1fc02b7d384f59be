"""The host of a service that is probed no longer is disabled, then removed; one that is only unseen stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argus.correlator.service import State
from argus.correlator.service_life import Absence, Ending, Seen, ServiceHost, decide

NOW = 1_800_000_000.0
AFTER, REMOVE = 600.0, 86400.0
KEYSTONE = Seen("keystone", "c", "keystone", State.UP)
NOVA = ServiceHost("1", "nova", "c", enabled=True)
OFF = replace(NOVA, enabled=False)


def ends(
    hosts: list[ServiceHost],
    seen: list[Seen],
    memory: dict[str, Absence] | None = None,
    now: float = NOW,
) -> Ending:
    return decide(hosts, seen, memory or {}, AFTER, REMOVE, now)


def test_a_host_is_disabled_when_its_service_is_gone_for_long_enough() -> None:
    first = ends([NOVA], [KEYSTONE])
    assert (first.disable, first.memory) == ((), {"nova": Absence(NOW)})
    later = ends([NOVA], [KEYSTONE], dict(first.memory), NOW + AFTER)
    assert later.disable == (NOVA,)
    assert later.memory == {"nova": Absence(NOW, NOW + AFTER)}


def test_a_host_is_removed_long_after_argus_disabled_it() -> None:
    memory = {"nova": Absence(NOW, NOW + AFTER)}
    assert ends([OFF], [KEYSTONE], memory, NOW + REMOVE - 1).remove == ()
    assert ends([OFF], [KEYSTONE], memory, NOW + REMOVE).remove == (OFF,)


def test_what_is_asked_to_be_removed_is_remembered_until_it_is_gone() -> None:
    memory = {"nova": Absence(NOW, NOW + AFTER)}
    assert ends([OFF], [KEYSTONE], memory, NOW + REMOVE).memory == memory
    assert ends([], [KEYSTONE], memory, NOW + REMOVE).memory == {}


def test_a_host_that_a_person_disabled_is_never_removed_nor_enabled() -> None:
    assert ends([OFF], [KEYSTONE], {"nova": Absence(NOW)}, NOW + 2 * REMOVE).remove == ()
    nova = Seen("nova", "c", "nova", State.UP)
    assert ends([OFF], [KEYSTONE, nova]).enable == ()


def test_a_host_that_a_person_enabled_again_is_disabled_before_it_is_removed() -> None:
    found = ends([NOVA], [KEYSTONE], {"nova": Absence(NOW, NOW + AFTER)}, NOW + REMOVE)
    assert (found.disable, found.remove) == ((NOVA,), ())


@pytest.mark.parametrize("state", list(State))
def test_a_service_that_is_back_gets_its_host_back_whatever_its_state(state: State) -> None:
    found = ends([OFF], [KEYSTONE, Seen("nova", "c", "nova", state)], {"nova": Absence(NOW, NOW + AFTER)})
    assert (found.enable, found.memory) == ((OFF,), {})


@pytest.mark.parametrize("state", [State.DOWN, State.UNKNOWN])
def test_without_keystone_nothing_is_gone_and_what_was_gone_begins_anew(state: State) -> None:
    seen = [replace(KEYSTONE, state=state)]
    assert ends([NOVA], seen).memory == {}
    found = ends([NOVA], seen, {"nova": Absence(NOW - AFTER)})
    assert (found.disable, found.memory) == ((), {"nova": Absence(NOW)})
    off = ends([OFF], seen, {"nova": Absence(NOW - REMOVE, NOW - REMOVE)})
    assert (off.remove, off.memory) == ((), {"nova": Absence(NOW, NOW - REMOVE)})


def test_one_keystone_of_a_cloud_that_answers_is_enough() -> None:
    silent = Seen("keystone2", "c", "keystone", State.DOWN)
    assert ends([NOVA], [KEYSTONE, silent]).memory == {"nova": Absence(NOW)}


def test_the_services_of_a_cloud_that_is_configured_no_longer_are_gone() -> None:
    assert ends([NOVA], [replace(KEYSTONE, cloud="other")]).memory == {"nova": Absence(NOW)}


def test_when_more_than_half_are_gone_at_once_none_is_touched_and_it_is_said() -> None:
    hosts = [replace(NOVA, hostid=str(n), host=f"h{n}") for n in range(9)]
    seen = [KEYSTONE, *(Seen(f"h{n}", "c", "nova", State.UP) for n in range(5, 9))]
    memory = {f"h{n}": Absence(NOW - AFTER) for n in range(5)}
    found = ends(hosts, seen, memory)
    assert found.disable == ()
    assert found.held[0].startswith("5 of 9 services are gone at once")
    one_is_back = [*seen, Seen("h4", "c", "nova", State.UP)]
    assert len(ends(hosts, one_is_back, memory).disable) == 4
