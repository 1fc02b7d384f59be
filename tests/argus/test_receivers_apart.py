"""No receiver waits for another, and no message has two senders."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from http_server import Inbox
from one_node import World, heard, one_node
from paging import ROUTES, Refuses, Slow, deliver, eventually, failing, opened, rows
from slow_server import drip
from sqlalchemy import event

from argus import delivery
from argus.flights import PER_SERVER
from argus.notify.base import Notification, NotifyError
from argus.notify.email import Email
from argus.notify.webhook import Webhook
from argus.schedule import BY_NAME, Performer
from argus.site import Site
from argus.store import health, outbox
from argus.store.engine import Store

pytestmark = pytest.mark.slow  # hours of cycles on a real database


@pytest.fixture
def site(store: Store, world: World, inbox: Inbox, tmp_path: Path) -> Site:
    made = one_node(store, world, inbox, tmp_path, ROUTES)
    return replace(made, receivers={**made.receivers, "email": Refuses(NotifyError("none here"))})


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.go.set()


def test_a_page_passes_a_mail_server_that_says_nothing(site: Site, world: World, inbox: Inbox) -> None:
    with drip() as port:
        mail = Email("127.0.0.1", port, "none", "a@example.org", 1.0)
        tarpit = replace(site, receivers={**site.receivers, "email": mail})
        opened(tarpit, world, *(f"email:{name}@example.org" for name in "abcd"), "webhook:ops")
        run = threading.Thread(target=deliver, args=(tarpit, world))
        run.start()
        eventually(lambda: inbox.requests)
        assert run.is_alive(), "the mails are still on their way"
        opened(tarpit, world, "webhook:ops", subject="cmp2")
        eventually(lambda: len(inbox.requests) == 2)
        run.join()
    assert rows(site)["email:d@example.org"].attempts <= 1


def test_one_server_gets_a_few_messages_at_a_time_and_rests_for_all_addresses(
    site: Site, world: World, slow: Slow
) -> None:
    names = [f"email:{number}@example.org" for number in range(6)]
    opened(site, world, *names)
    hung = replace(site, receivers={**site.receivers, "email": slow}, send_seconds=0.3)
    deliver(hung, world)
    assert len(slow.begun) == PER_SERVER, "the threads that were left behind count"
    deliver(hung, world, 3600)
    assert len(slow.begun) == PER_SERVER
    found = rows(site)
    tried = [found[name] for name in names if found[name].attempts]
    assert {(row.state, row.maybe_sent) for row in tried} == {("pending", True)}
    assert "no end within" in failing(site)["email"], "it is the server, not the addresses"
    slow.go.set()
    eventually(lambda: not hung.strays.count())
    deliver(replace(hung, send_seconds=30), world, 3600)
    assert {row.state for receiver, row in rows(site).items() if receiver in names} == {"sent"}


def test_a_server_that_failed_again_and_again_is_tried_by_one_message(
    site: Site, world: World, inbox: Inbox
) -> None:
    dead = Refuses(NotifyError("connection refused", server=True))
    broken = replace(site, receivers={**site.receivers, "email": dead})
    opened(broken, world, *(f"email:{number}@example.org" for number in range(10)))
    deliver(broken, world)
    first = dead.asked
    assert first <= PER_SERVER, "what failed in a run gets no more in it"
    deliver(broken, world, 3)
    world.now += 300
    before = dead.asked
    deliver(broken, world)
    assert dead.asked == before + 1
    assert ("last", "open") in heard(inbox)


def test_a_receiver_fails_alone_when_its_server_is_there(site: Site, world: World) -> None:
    broken = replace(
        site, receivers={**site.receivers, "webhook:ops": Refuses(NotifyError("500"))}, attempts=9
    )
    opened(broken, world, "webhook:ops", "webhook:last")
    for _ in range(4):
        deliver(broken, world, 400)
    assert set(failing(site)) == {"webhook:ops"}
    assert rows(site)["webhook:last"].state == "sent"


def test_receivers_behind_one_server_rest_with_it(site: Site, world: World, inbox: Inbox) -> None:
    away = {
        name: Webhook(name, inbox.url.replace("http:", "https:")) for name in ("ops", "last")
    }  # the port speaks no TLS
    broken = replace(site, receivers={f"webhook:{name}": each for name, each in away.items()}, attempts=9)
    for number in range(3):
        opened(broken, world, "webhook:ops", subject=f"cmp{number}")
        deliver(broken, world)
    (bad,) = failing(site)
    assert bad.startswith("server:127.0.0.1:")
    opened(broken, world, "webhook:last", subject="cmp9")
    deliver(broken, world, 0)
    assert rows(site)["webhook:last"].attempts == 0


def test_what_a_killed_sender_had_taken_up_goes_out_within_half_a_minute(
    site: Site, world: World, inbox: Inbox
) -> None:
    here = replace(site, shared_clock=world.clock)
    opened(here, world, "webhook:ops")
    with site.store.write() as session:
        assert outbox.claim(session, "killed", delivery.LEASE_SECONDS, world.now)
    deliver(here, world, 15)
    assert heard(inbox) == []
    deliver(here, world, 10)
    assert heard(inbox) == [("ops", "open")]


def test_a_lease_is_kept_while_a_slow_receiver_takes_its_time(site: Site, world: World, slow: Slow) -> None:
    receivers = {**site.receivers, "webhook:ops": slow}
    one, two = (replace(site, receivers=receivers, owner=n, shared_clock=time.time) for n in ("one", "two"))
    opened(one, world, "webhook:ops")
    run = threading.Thread(target=delivery.deliver, args=(one, 3.0))
    run.start()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        assert delivery.deliver(two, 3.0)
        time.sleep(0.2)
    slow.go.set()
    run.join()
    assert slow.begun == ["ops"]


def test_workers_whose_clocks_differ_send_once(site: Site, world: World, slow: Slow) -> None:
    shared = replace(site, shared_clock=time.time, receivers={**site.receivers, "webhook:ops": slow})
    ahead = replace(shared, owner="ahead", clock=lambda: world.now + 1000)
    opened(shared, world, "webhook:ops")
    run = threading.Thread(target=deliver, args=(shared, world))
    run.start()
    eventually(lambda: slow.begun)
    deliver(ahead, world, 0)
    slow.go.set()
    run.join()
    assert slow.begun == ["ops"]


def test_a_run_does_not_take_up_again_what_it_is_sending(site: Site, world: World, slow: Slow) -> None:
    """As after a sleep of the host, in which the lease ran out."""
    here = replace(site, shared_clock=world.clock, receivers={**site.receivers, "webhook:ops": slow})
    opened(here, world, "webhook:ops")
    run = threading.Thread(target=deliver, args=(here, world))
    run.start()
    eventually(lambda: slow.begun)
    world.now += 600
    time.sleep(3 * delivery.LOOK_SECONDS)
    slow.go.set()
    run.join()
    assert slow.begun == ["ops"]


def test_two_workers_meet_a_receiver_for_the_first_time(site: Site, world: World, inbox: Inbox) -> None:
    for number in range(2):
        opened(site, world, "webhook:ops", subject=f"cmp{number}")
    done: list[bool] = []

    def work(owner: str) -> None:
        done.append(Performer(replace(site, owner=owner)).perform(BY_NAME["deliver"]))

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert done == [True, True]
    deliver(replace(site, shared_clock=lambda: time.time() + 1000), world)
    assert len(inbox.requests) == 2


def test_what_was_sent_is_noted_when_the_database_is_free_again(
    site: Site, world: World, inbox: Inbox
) -> None:
    if site.store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no lock on all of the database")

    def short(connection: object, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]  # sqlite3's

    opened(site, world, "webhook:ops")
    site.store.engine.dispose()
    event.listen(site.store.engine, "connect", short)
    real, locked, free = site.receivers["webhook:ops"], threading.Event(), threading.Event()

    def storm() -> None:
        connection = sqlite3.connect(site.store.engine.url.database or "", timeout=10, isolation_level=None)
        with closing(connection):
            connection.execute("BEGIN IMMEDIATE")
            locked.set()
            free.wait(10)

    class Locks:
        def send(self, note: Notification, address: str) -> None:
            real.send(note, address)
            threading.Thread(target=storm).start()
            locked.wait(10)
            threading.Timer(1.5, free.set).start()

    deliver(replace(site, receivers={**site.receivers, "webhook:ops": Locks()}), world)
    assert rows(site)["webhook:ops"].state == "sent"
    assert heard(inbox) == [("ops", "open")]


def test_what_was_just_decided_does_not_wait_for_receivers_that_fail(
    site: Site, world: World, inbox: Inbox, slow: Slow
) -> None:
    opened(site, world, "webhook:ops", "email:a@example.org")
    with site.store.write() as session:
        health.failed(session, "email", "down", world.now)
    assert delivery.deliver_now(replace(site, receivers={**site.receivers, "email": slow}))
    assert heard(inbox) == [("ops", "open")]
    assert slow.begun == []
