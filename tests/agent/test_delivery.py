"""The way of values to Zabbix over real sockets: order, refusals, outages, several servers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest
from trapper import Trapper

from argus_agent.config import Address
from argus_agent.delivery import BATCH, REFUSED_KEEP_SECONDS, Courier
from argus_agent.registration import RESEND_SECONDS, Registrations
from argus_agent.servers import Servers
from argus_agent.spool import MemorySpool
from argus_agent.zabbix_protocol import Value, ZabbixError, active_checks

START = 10_000.0


class Chain:
    """A courier with its parts, on a clock that stands until a test moves it."""

    def __init__(self, *addresses: Address) -> None:
        self.now = START
        self.spool = MemorySpool(1000)
        self.registrations = Registrations("node-1", lambda: self.now, lambda: self.now)
        servers = Servers(addresses, 5, lambda: self.now)
        self.courier = Courier(servers, self.spool, self.registrations, lambda: self.now)

    def put(self, *values: tuple[str, float]) -> None:
        self.spool.put(Value(host, "argus.node.get", "{}", int(clock), 0) for host, clock in values)

    def step(self, seconds: float = 3.0) -> None:
        """Let time pass, then one step."""
        self.now += seconds
        self.courier.step()


def guests(chain: Chain, *names: str) -> None:
    chain.registrations.present(set(names), set(names), ())


def test_hosts_are_registered_before_their_values_are_sent() -> None:
    with Trapper(registers=True) as zabbix:
        chain = Chain(zabbix.address)
        guests(chain, "g")
        chain.put(("node-1", 1), ("g", 1))
        chain.step(0)
        assert zabbix.taken == [], "Zabbix gets a moment to make the hosts"
        chain.step()
        chain.step()
    assert zabbix.metadata == ["argus-node seq=10000000", "argus-guest node=node-1 seq=10000000"]
    assert zabbix.taken == [("node-1", 1), ("g", 1)]
    assert chain.courier.status().refused == 0


def test_a_zabbix_that_is_busy_making_hosts_gets_the_values_of_those_it_knows() -> None:
    with Trapper("node-1", "old", busy=True) as zabbix:
        chain = Chain(zabbix.address)
        guests(chain, "old", "new")
        chain.put(("node-1", 1), ("old", 1))
        chain.step()
        chain.step(40)
        assert set(zabbix.taken) == {("node-1", 1), ("old", 1)}
        zabbix.busy = False
        chain.step(60)
    assert "argus-node" in zabbix.metadata[0]
    assert chain.courier.status().errors == 2


def test_a_backlog_is_sent_oldest_first_in_batches() -> None:
    with Trapper("node-1") as zabbix:
        chain = Chain(zabbix.address)
        chain.put(*(("node-1", n) for n in range(2 * BATCH + 7)))
        chain.step()
        chain.step()
    assert zabbix.taken == [("node-1", n) for n in range(2 * BATCH + 7)]
    assert [len(r["data"]) for r in zabbix.requests if "data" in r] == [BATCH, BATCH, 7]
    assert chain.courier.status().waiting == 0


def test_a_host_that_zabbix_does_not_know_keeps_its_values_and_stops_nobody_else() -> None:
    with Trapper("node-1", "a") as zabbix:
        chain = Chain(zabbix.address)
        guests(chain, "a", "new")
        chain.put(("node-1", 1), ("new", 1), ("a", 1))
        chain.step()
        chain.step()
        assert {host for host, _ in zabbix.taken} == {"node-1", "a"}
        assert chain.courier.status().waiting == 1
        zabbix.known.add("new")
        chain.step()
        chain.step()
    assert ("new", 1) in zabbix.taken
    assert chain.courier.status().waiting == 0
    assert chain.courier.status().dropped == 0


def test_values_refused_for_ten_minutes_are_given_up_and_counted() -> None:
    with Trapper("node-1") as zabbix:
        chain = Chain(zabbix.address)
        guests(chain, "unknown")
        chain.put(("unknown", START))
        chain.step()
        chain.step()
        assert chain.courier.status().waiting == 1
        chain.step(REFUSED_KEEP_SECONDS + 1)
        chain.step()
    assert chain.courier.status().waiting == 0
    assert chain.courier.status().dropped == 1


def test_a_backlog_that_is_refused_at_first_is_not_given_up_for_its_age() -> None:
    with Trapper() as zabbix:
        chain = Chain(zabbix.address)
        chain.put(("node-1", START - 3600))
        chain.step()
        chain.step()
        zabbix.known.add("node-1")
        chain.step()
        chain.step()
    assert zabbix.taken == [("node-1", START - 3600)]


def test_values_of_a_guest_that_left_are_given_up_when_refused() -> None:
    with Trapper("node-1") as zabbix:
        chain = Chain(zabbix.address)
        chain.put(("left", START))
        chain.step()
    assert chain.courier.status().dropped == 1


def test_while_zabbix_is_away_everything_is_kept_with_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = Address(*free.getsockname()[:2])
    chain = Chain(address)
    chain.put(*(("node-1", n) for n in range(50)))
    chain.step()
    chain.step(3600)
    status = chain.courier.status()
    # registered twice, delivered once: before, the host was not told of
    assert (status.waiting, status.dropped, status.errors) == (50, 0, 3)


def test_servers_are_tried_in_order_and_one_that_failed_comes_last_for_a_while() -> None:
    now = [0.0]
    with Trapper("h") as first, Trapper("h") as second:
        with socket.create_server(("127.0.0.1", 0)) as free:
            dead = Address(*free.getsockname()[:2])
        servers = Servers((dead, first.address, second.address), 5, lambda: now[0])
        servers.ask(active_checks("h", "m"))
        servers.ask(active_checks("h", "m"))
        assert (len(first.requests), len(second.requests)) == (2, 0)
        assert servers_order(servers, now) == dead


def servers_order(servers: Servers, now: list[float]) -> Address:
    """The address that is tried first once the failed one has served its time."""
    now[0] += 61
    return min(servers._addresses, key=lambda a: servers._aside.get(a, 0.0) > now[0])


def test_when_no_server_answers_each_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        dead = [Address(*sock.getsockname()[:2]) for sock in (one, two)]
    with pytest.raises(ZabbixError) as caught:
        Servers(dead, 1, time.monotonic).ask({})
    assert all(str(address) in str(caught.value) for address in dead)


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_the_thread_delivers_by_itself_and_empties_the_spool_when_it_stops() -> None:
    with Trapper("node-1") as zabbix:
        spool = MemorySpool(100)
        registrations = Registrations("node-1", time.time, time.monotonic)
        registrations.taken("node-1")
        courier = Courier(Servers((zabbix.address,), 5, time.monotonic), spool, registrations, time.time)
        courier.start()
        spool.put([Value("node-1", "k", "{}", 1, 0)])
        courier.wake()
        wait_for(lambda: courier.status().sent == 1)
        spool.put([Value("node-1", "k", "{}", 2, 0)])
        courier.stop(5)
    assert zabbix.taken == [("node-1", 1), ("node-1", 2)]


def settled(chain: Chain) -> None:
    """All hosts of this node were told, and what is taken of them now is safe."""
    chain.step()
    chain.step(RESEND_SECONDS)


def test_what_was_taken_soon_after_an_arrival_is_sent_again_in_its_order_before_what_is_newer() -> None:
    with Trapper("node-1", "g") as zabbix:
        chain = Chain(zabbix.address)
        settled(chain)
        guests(chain, "g")
        chain.step()
        chain.put(("g", 1), ("node-1", 1), ("g", 2))
        chain.step()
        assert zabbix.taken == [("g", 1), ("node-1", 1), ("g", 2)]
        assert chain.courier.status().waiting == 0, "a person is not told of copies"
        chain.step()
        assert len(zabbix.taken) == 3, "nothing is sent again before its time"
        chain.put(("g", 3))
        chain.step(RESEND_SECONDS)
        chain.step(RESEND_SECONDS)
    assert zabbix.taken[3:] == [("g", 1), ("g", 2), ("g", 3)]
    assert len(chain.spool) == 0


def test_copies_of_a_guest_that_left_are_forgotten() -> None:
    with Trapper("node-1", "g") as zabbix:
        chain = Chain(zabbix.address)
        settled(chain)
        guests(chain, "g")
        chain.step()
        chain.put(("g", 1))
        chain.step()
        guests(chain)
        chain.step(RESEND_SECONDS)
    assert zabbix.taken == [("g", 1)]
    assert len(chain.spool) == 0
    assert chain.courier.status().dropped == 0


def test_that_zabbix_wants_another_encryption_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    info = 'connection of type "unencrypted" is not allowed for host "node-1"'
    with Trapper("node-1", refusal=info) as zabbix:
        chain = Chain(zabbix.address)
        chain.step()
        chain.step(600)
    assert [info in record.message for record in caplog.records if record.levelname == "ERROR"] == [True]
