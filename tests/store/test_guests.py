"""Where guests ran is remembered, whatever becomes of their hosts in Zabbix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.guest_life import GuestHost
from argus.store import guests, retention

if TYPE_CHECKING:
    from argus.store.engine import Store

NOW = 1_800_000_000.0


def seen(node: str, at: float) -> GuestHost:
    return GuestHost("1", "g", "g", True, (), frozenset(), {"node": node}, at, node_since=at)


def note(store: Store, host: GuestHost, gone: set[str], now: float = NOW) -> None:
    with store.write() as session:
        guests.note(session, [host], gone, now)


def test_a_move_ends_one_placement_and_begins_another(store: Store) -> None:
    for node, at in (("n1", NOW), ("n1", NOW + 10), ("n2", NOW + 20), ("n1", NOW + 30)):
        note(store, seen(node, at), set())
    with store.read() as session:
        ran = [(p.node, p.since - NOW, p.until and p.until - NOW) for p in guests.placements(session, "g")]
    assert ran == [("n1", 0, 20), ("n2", 20, 30), ("n1", 30, None)]


def test_gone_since_is_the_first_time_and_ends_when_it_is_back(store: Store) -> None:
    note(store, seen("n1", NOW), set())
    note(store, seen("n1", NOW), {"g"}, NOW + 100)
    note(store, seen("n1", NOW), {"g"}, NOW + 200)
    with store.read() as session:
        assert guests.memories(session)["g"].gone_since == NOW + 100
    note(store, seen("n1", NOW + 300), set(), NOW + 300)
    with store.read() as session:
        assert guests.memories(session)["g"].gone_since is None


def test_placements_stay_when_the_host_is_forgotten_and_go_with_time(store: Store) -> None:
    note(store, seen("n1", NOW), set())
    with store.write() as session:
        guests.disabled(session, {"g"}, NOW + 50)
        guests.forget(session, {"g"}, NOW + 55)
    with store.write() as session:
        assert guests.memories(session) == {}
        assert [p.until for p in guests.placements(session, "g")] == [NOW + 50]
        assert retention.prune(session, NOW + 60) == 1


def test_a_guest_whose_host_somebody_deleted_in_zabbix_no_longer_runs_anywhere(store: Store) -> None:
    note(store, seen("n1", NOW), set())
    with store.write() as session:
        guests.forget(session, {"g"}, NOW + 70)
        assert [p.until for p in guests.placements(session, "g")] == [NOW + 70]
