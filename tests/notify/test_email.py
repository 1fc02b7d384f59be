"""Mails say what a person needs, thread by incident, and never lie about having been accepted."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from smtp_server import free_port, smtp_server

from argus.notify.base import Notification, NotifyError
from argus.notify.email import Email, compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_server import Mailbox

OPS = "ops@example.org"
OPENED = Notification(
    kind="open",
    incident_id=7,
    uid="c0ffee",
    rule="libvirtd_does_not_answer",
    title="The node's libvirtd does not answer",
    subject="cmp1",
    severity="HIGH",
    summary="libvirtd on cmp1 does not answer",
    evidence={"libvirtd up": "0"},
    reason="stood for 20 s",
    runbook="Guests go on.\n\nWhat to do:\n1. systemctl status libvirtd",
    since=1_700_000_000.0,
    opened_at=1_700_000_020.0,
    resolved_at=None,
)
RESOLVED = replace(OPENED, kind="resolve", reason="well for 30 s", resolved_at=1_700_000_620.0)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_server() as made:
        yield made


def receiver(port: int, *, tls: str = "none", timeout: float = 5.0) -> Email:
    return Email(
        "127.0.0.1", port, tls, "argus@example.org", timeout, zabbix_url="http://zabbix.example.org/"
    )


def test_a_mail_names_node_and_cause_and_says_what_to_do(mailbox: Mailbox) -> None:
    receiver(mailbox.port).send(OPENED, OPS)
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[Argus] HIGH cmp1: The node's libvirtd does not answer"
    assert mail["To"] == OPS
    text = mail.get_body(("plain",))
    assert text
    for words in (
        "libvirtd on cmp1 does not answer",
        "opened 2023-11-14 22:13:40 UTC",
        "libvirtd up: 0",
        "1. systemctl status libvirtd",
        "argus explain 7",
        "http://zabbix.example.org/zabbix.php",
    ):
        assert words in text.get_content()


def test_the_resolve_answers_the_open(mailbox: Mailbox) -> None:
    for each in (OPENED, RESOLVED):
        receiver(mailbox.port).send(each, OPS)
    opened, resolved = mailbox.mails
    assert opened["Message-ID"] == "<c0ffee.open@example.org>"
    assert resolved["Message-ID"] == "<c0ffee.resolve@example.org>"
    assert resolved["In-Reply-To"] == resolved["References"] == opened["Message-ID"]
    assert "RESOLVED cmp1" in resolved["Subject"]
    body = resolved.get_body(("plain",))
    assert body
    assert "after 10 min 0 s" in body.get_content()
    assert "well for 30 s" in body.get_content()


def test_a_second_attempt_sends_the_same_bytes(mailbox: Mailbox) -> None:
    for _ in range(2):
        receiver(mailbox.port).send(Notification.from_payload(OPENED.payload()), OPS)
    assert mailbox.raw[0] == mailbox.raw[1]


def test_text_from_outside_is_escaped_in_html_and_cannot_add_headers() -> None:
    script = "<script>alert(1)</script>"
    evil = replace(
        OPENED,
        subject="cmp1\r\nBcc: all@example.org",
        summary=script,
        evidence={"name": script},
        runbook=script,
        rule=script,
    )
    mail = compose(evil, "argus@example.org", OPS)
    assert mail["Bcc"] is None
    assert "cmp1 Bcc: all@example.org" in mail["Subject"]
    html = mail.get_body(("html",))
    assert html
    assert "<script>" not in html.get_content()


def test_unusual_letters_arrive_as_they_are(mailbox: Mailbox) -> None:
    receiver(mailbox.port).send(replace(OPENED, subject="Käfig-日本", summary="Käfig-日本 steht"), OPS)
    (mail,) = mailbox.mails
    body = mail.get_body(("plain",))
    assert "Käfig-日本" in mail["Subject"]
    assert body
    assert "Käfig-日本 steht" in body.get_content()


@pytest.mark.parametrize(
    ("rcpt", "data", "permanent"),
    [
        pytest.param("550 no such user", "", True, id="unknown user"),
        pytest.param("451 greylisted", "", False, id="greylisted"),
        pytest.param("", "554 spam", True, id="refused content"),
        pytest.param("", "452 disk full", False, id="disk full"),
    ],
)
def test_a_refusal_says_whether_trying_again_helps(
    mailbox: Mailbox, rcpt: str, data: str, permanent: bool
) -> None:
    mailbox.rcpt, mailbox.data = [rcpt] * bool(rcpt), [data] * bool(data)
    with pytest.raises(NotifyError, match=(rcpt or data)) as caught:
        receiver(mailbox.port).send(OPENED, OPS)
    assert caught.value.permanent is permanent
    assert not caught.value.maybe_sent
    assert mailbox.raw == []


def test_a_server_that_is_not_there_is_named_and_may_come_back() -> None:
    port = free_port()
    with pytest.raises(NotifyError, match=rf"127.0.0.1:{port}.*\[smtp\] host") as caught:
        receiver(port).send(OPENED, OPS)
    assert not caught.value.permanent


def test_a_server_that_never_answers_costs_the_timeout_and_no_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NotifyError, match="timed out") as caught:
            receiver(port, timeout=0.3).send(OPENED, OPS)
    assert not caught.value.maybe_sent


def test_nothing_is_said_in_the_clear_when_starttls_is_asked_for(mailbox: Mailbox) -> None:
    with pytest.raises(NotifyError, match="STARTTLS"):
        receiver(mailbox.port, tls="starttls").send(OPENED, OPS)
    assert mailbox.raw == []


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Email("h", 25, "tls", "a@b", 5, "user", "hunter2"))
