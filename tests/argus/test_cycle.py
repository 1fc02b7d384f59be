"""From facts to mails: one cycle after the other, on a real database and a real mail server."""

from __future__ import annotations

import smtplib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from smtp_server import free_port, smtp_server

from argus.catalogue import ksm, libvirt
from argus.correlator.facts import ZABBIX, Facts, NodeValues
from argus.correlator.thresholds import Policy
from argus.cycle import correlate
from argus.delivery import deliver
from argus.notify.base import NotifyError
from argus.notify.email import Email
from argus.routing.tree import everything
from argus.schedule import BY_NAME, Performer
from argus.site import Site
from argus.store import reports
from argus.store.leases import LeaseLostError, acquire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtp_server import Mailbox

    from argus.store.engine import Store

OPS = "ops@example.org"
POLICY = Policy(holds={"libvirtd_does_not_answer": 0.0, "source_cannot_be_read": 0.0})


@dataclass
class World:
    """What the source tells, and what time it is."""

    now: float = 1_700_000_000.0
    up: float = 1.0
    blind: bool = False
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    at_last: list[Callable[[], None]] = field(default_factory=list)

    def read(self, alive: Callable[[], None]) -> Facts:
        for each in self.meanwhile:
            each()
        alive()
        for each in self.at_last:
            each()
        if self.blind:
            return Facts(blind=(ZABBIX,), why_blind=("connection refused",))
        values = {libvirt.UP.field: self.up, ksm.RUN.field: 0.0}
        return Facts(nodes=(NodeValues("cmp1", values, self.now),))

    def clock(self) -> float:
        return self.now


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as made:
        yield made


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def site(store: Store, world: World, mailbox: Mailbox) -> Site:
    return make_site(store, world, mailbox.port)


def make_site(store: Store, world: World, port: int, owner: str = "me", *addresses: str) -> Site:
    email = Email("127.0.0.1", port, "none", "argus@example.org", 2.0)
    router = everything(tuple(f"email:{address}" for address in addresses or (OPS,)))
    return Site(
        store,
        world,
        POLICY,
        {"email": email},
        router,
        owner,
        world.clock,
        attempts=5,
        shared_clock=world.clock,
    )


def tick(site: Site, world: World, *, up: float = 1.0, blind: bool = False, after: float = 20) -> None:
    """Let time pass, then run every job of the schedule once."""
    world.now, world.up, world.blind = world.now + after, up, blind
    performer = Performer(site)
    for name in ("correlate", "deliver"):
        assert performer.perform(BY_NAME[name])


def subjects(mailbox: Mailbox) -> list[str]:
    return [mail["Subject"].removeprefix("[Argus] ") for mail in mailbox.mails]


def log(store: Store, number: int) -> list[str]:
    with store.read() as session:
        return [row.what for row in reports.decisions(session, number)]


DOWN = "HIGH cmp1: The node's libvirtd does not answer"
WELL = "RESOLVED cmp1: The node's libvirtd does not answer"


@pytest.mark.slow
def test_one_mail_on_opening_and_one_on_resolving(site: Site, world: World, mailbox: Mailbox) -> None:
    tick(site, world)
    assert subjects(mailbox) == []
    for _ in range(5):
        tick(site, world, up=0)
    assert subjects(mailbox) == [DOWN]
    for _ in range(5):
        tick(site, world)
    assert subjects(mailbox) == [DOWN, WELL]
    assert log(site.store, 1) == ["opened", "mail sent", "resolved", "mail sent"]


def test_a_trouble_that_comes_back_is_told_anew(site: Site, world: World, mailbox: Mailbox) -> None:
    for up in (0, 1, 1, 1, 0):
        tick(site, world, up=up)
    assert subjects(mailbox) == [DOWN, WELL, DOWN]
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 3


def test_blindness_is_told_and_resolves_nothing(site: Site, world: World, mailbox: Mailbox) -> None:
    tick(site, world, up=0)
    for _ in range(20):
        tick(site, world, blind=True)
    assert subjects(mailbox) == [DOWN, "HIGH zabbix: Argus is blind: a source of facts cannot be read"]
    with site.store.read() as session:
        held = {row.rule: row.held for row in reports.incidents(session, ("open",))}
    assert held == {"libvirtd_does_not_answer": "Zabbix cannot be read", "source_cannot_be_read": ""}


def test_every_recipient_gets_both_mails(store: Store, world: World, mailbox: Mailbox) -> None:
    site = make_site(store, world, mailbox.port, "me", "a@example.org", "b@example.org")
    for up in (0, 1, 1, 1):
        tick(site, world, up=up)
    assert sorted(mail["To"] for mail in mailbox.mails) == ["a@example.org"] * 2 + ["b@example.org"] * 2


def test_one_bad_recipient_does_not_keep_the_mail_from_the_others(
    store: Store, world: World, mailbox: Mailbox
) -> None:
    site = make_site(store, world, mailbox.port, "me", "gone@example.org", OPS)
    mailbox.rcpt = ["550 no such user"]  # to whoever of the two comes first: they are sent side by side
    tick(site, world, up=0)
    (mail,) = mailbox.mails
    assert mail["To"] in {OPS, "gone@example.org"}
    assert log(store, 1).count("mail given up") == 1


def test_a_mail_server_that_was_away_gets_the_mail_when_it_is_back(store: Store, world: World) -> None:
    port = free_port()
    site = make_site(store, world, port)
    tick(site, world, up=0)
    tick(site, world, up=0)
    with smtp_server(port) as mailbox:
        tick(site, world, up=0, after=100)
        assert subjects(mailbox) == [DOWN]


@pytest.mark.slow
def test_a_message_that_never_goes_through_is_given_up_and_counted(store: Store, world: World) -> None:
    site = make_site(store, world, free_port())
    for _ in range(site.attempts + 2):
        tick(site, world, up=0, after=400)
    with store.read() as session:
        assert reports.outbox(session).by_state == {"dead": 1}
    tick(site, world, after=50)
    tick(site, world, after=50)
    with store.read() as session:
        assert reports.outbox(session).by_state == {"dead": 1}, "nobody was told, so there is no end to tell"


def test_a_sender_that_dies_after_the_server_took_the_mail_sends_the_same_bytes_again(
    site: Site, world: World, mailbox: Mailbox
) -> None:
    class Died(BaseException):
        """As if the process was killed between the server's answer and our commit."""

    @dataclass
    class Dies:
        email: Email

        def send(self, notification: object, address: str) -> None:
            self.email.send(notification, address)  # type: ignore[arg-type]  # passed through
            raise Died

    email = site.receivers["email"]
    assert isinstance(email, Email)
    world.up = 0
    correlate(site)
    with pytest.raises(Died):
        deliver(replace(site, receivers={"email": Dies(email)}))
    for _ in range(10):
        tick(site, world, up=0)
    assert len(mailbox.raw) == 2
    assert mailbox.raw[0] == mailbox.raw[1]


def test_an_end_that_comes_while_the_beginning_fails_drops_both(site: Site, world: World) -> None:
    class TooLate:
        def send(self, _notification: object, _address: str) -> None:
            for _ in range(3):
                world.now, world.up = world.now + 20, 1
                correlate(site)
            raise NotifyError("451 try again")

    world.up = 0
    correlate(site)
    deliver(replace(site, receivers={"email": TooLate()}))
    for _ in range(5):
        tick(site, world)
    assert log(site.store, 1) == ["opened", "resolved", "mail delayed", "mail dropped"]


def test_workers_that_race_open_one_incident_and_send_one_mail(
    store: Store, world: World, mailbox: Mailbox
) -> None:
    world.up = 0
    sites = [make_site(store, world, mailbox.port, f"worker {number}") for number in range(6)]

    def work(site: Site) -> None:
        for _ in range(5):
            performer = Performer(site)
            performer.perform(BY_NAME["correlate"])
            performer.perform(BY_NAME["deliver"])

    with ThreadPoolExecutor(len(sites)) as pool:
        list(pool.map(work, sites))
    with store.read() as session:
        assert len(reports.incidents(session, ("pending", "open", "resolved"))) == 1
    assert subjects(mailbox) == [DOWN]


@pytest.mark.parametrize("moment", ["meanwhile", "at_last"])
def test_a_cycle_that_was_overtaken_writes_nothing(site: Site, world: World, moment: str) -> None:
    def overtaken() -> None:
        assert acquire(site.store, "correlate", "another", 60, world.now + 1000)

    world.up = 0
    setattr(world, moment, [overtaken])
    with pytest.raises(LeaseLostError):
        correlate(site)
    with site.store.read() as session:
        assert not reports.incidents(session, ("pending", "open"))


def test_a_cycle_that_fails_frees_its_lease_and_is_noted(site: Site, world: World) -> None:
    def broken() -> None:
        raise smtplib.SMTPException("any mistake of ours")

    world.meanwhile = [broken]
    assert not Performer(site).perform(BY_NAME["correlate"])
    with site.store.read() as session:
        (row,) = reports.progress(session)
    assert (row.failures, row.last_success) == (1, None)
    assert "any mistake of ours" in row.error
    world.meanwhile = []
    assert correlate(replace(site, owner="another"))


def test_old_incidents_are_deleted_with_all_that_belongs_to_them(site: Site, world: World) -> None:
    for up in (0, 1, 1, 1):
        tick(site, world, up=up)
    world.now += site.keep_seconds + 100
    tick(site, world, up=0)
    assert Performer(site).perform(BY_NAME["maintain"])
    with site.store.read() as session:
        assert [row.id for row in reports.incidents(session, ("open", "resolved"))] == [2]
        assert not reports.decisions(session, 1)
        assert not reports.messages(session, 1)
        assert reports.decisions(session, 2)
