"""What ``argus zabbix plan`` says about the size of the server's configuration cache."""

from __future__ import annotations

from argus.zabbix.notes import of_cache


def test_an_empty_server_is_told_what_each_node_and_guest_will_need() -> None:
    (line,) = of_cache(nodes=0, items=300, used=8.0)
    assert "1.0M for each node and 0.7M for each guest" in line


def test_a_cache_with_room_is_not_mentioned() -> None:
    assert list(of_cache(nodes=1, items=320_000, used=40.0)) == []


def test_a_cache_that_is_nearly_full_is_told_with_what_to_set() -> None:
    (line,) = of_cache(nodes=100, items=320_000, used=90.0)
    assert "90 % of the server's configuration cache" in line
    assert "CacheSize in zabbix_server.conf to 1464M" in line


def test_a_cache_nobody_measures_is_guessed_from_the_items() -> None:
    (line,) = of_cache(nodes=100, items=320_000, used=None)
    assert "need about 732M" in line
    assert list(of_cache(nodes=1, items=900, used=None)) == []
