"""A node that dies with its guests is one mail; what stays broken afterwards becomes its own."""

from __future__ import annotations

import os
import signal
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

import libvirt
import pytest
from sqlalchemy import select

from argus.store.engine import open_store
from argus.store.models import PlacementRow
from stack.components.guest_xml import GUESTS
from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

NODE = "lab-node1"
STAYS_BROKEN = GUESTS[0]
ABOUT_HOSTS = ("node_does_not_report", "many_guests_fail", "guest_is_broken", "guest_is_not_running")


def told(lab: Lab, after: int) -> list[tuple[str, str]]:
    """The rule of each mail about the node or a guest, and whether it opens or resolves."""
    mails = [mail for mail in lab.mails(after) if mail["X-Argus-Rule"] in ABOUT_HOSTS]
    return [
        (str(mail["X-Argus-Rule"]), "open" if ".open@" in mail["Message-ID"] else "resolve") for mail in mails
    ]


def mail_of(lab: Lab, after: int, rule: str, kind: str) -> EmailMessage | None:
    found = [
        mail
        for mail in lab.mails(after)
        if mail["X-Argus-Rule"] == rule and f".{kind}@" in mail["Message-ID"]
    ]
    return found[0] if found else None


def guests_known(lab: Lab) -> bool:
    store = open_store(lab.database_url)
    try:
        with store.read() as session:
            stays = session.scalars(select(PlacementRow).where(PlacementRow.until.is_(None))).all()
    finally:
        store.engine.dispose()
    return {guest.uuid for guest in GUESTS} <= {stay.guest for stay in stays if stay.node == NODE}


@contextmanager
def dead(lab: Lab) -> Iterator[None]:
    """The node's agent and its guests, killed as by a power cut; they come back, but for one guest."""
    agent = lab.stack.processes.pid("agent")
    assert agent is not None
    with lab.libvirt() as connection:
        pids = [qemu_pid(lab, connection.lookupByUUIDString(guest.uuid)) for guest in GUESTS]
        os.kill(agent, signal.SIGSTOP)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        try:
            yield
        finally:
            for guest in GUESTS[1:]:
                connection.lookupByUUIDString(guest.uuid).create()
            os.kill(agent, signal.SIGCONT)


def qemu_pid(lab: Lab, domain: libvirt.virDomain) -> int:
    status = lab.stack.run / NODE / "run" / "qemu" / f"{domain.name()}.xml"
    return int(ET.fromstring(status.read_text()).attrib["pid"])


def start(lab: Lab, uuid: str) -> None:
    with lab.libvirt() as connection:
        domain = connection.lookupByUUIDString(uuid)
        if not domain.isActive():
            domain.create()


def test_a_node_that_dies_with_its_guests_is_one_mail_and_what_stays_broken_its_own(lab: Lab) -> None:
    lab.wait_until(lambda: guests_known(lab), 120)
    before = len(lab.mails())
    try:
        with dead(lab):
            page = lab.wait_until(lambda: mail_of(lab, before, "node_does_not_report", "open"), 120)
            assert page
            body = page.as_string()
            assert NODE in page["Subject"]
            assert "guests hit: 3" in body
            for name in ("web-1", "ci runner", "shop (2)", "build (1)"):
                assert name in body
        lab.wait_until(lambda: mail_of(lab, before, "node_does_not_report", "resolve"), 120)
        own = lab.wait_until(lambda: mail_of(lab, before, "guest_is_broken", "open"), 120)
        assert own
        assert "web-1" in own["Subject"]
    finally:
        start(lab, STAYS_BROKEN.uuid)
    lab.wait_until(lambda: mail_of(lab, before, "guest_is_broken", "resolve"), 120)
    assert told(lab, before) == [
        ("node_does_not_report", "open"),
        ("node_does_not_report", "resolve"),
        ("guest_is_broken", "open"),
        ("guest_is_broken", "resolve"),
    ]
