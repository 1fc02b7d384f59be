"""A wrong password, key or URL is found by asking, on real servers, and nobody hears anything of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from http_server import Inbox, http_server
from smtp_server import Mailbox, free_port

from argus.notify.base import Notification, NotifyError
from argus.notify.email import Email
from argus.notify.pagerduty import PagerDuty
from argus.notify.slack import Slack

DIGEST = Notification(
    *("digest", 7, "u", "digest", "3 messages in one", "2 incidents", "HIGH", "3 messages in one: 2 of new"),
    *({"incident 7, HIGH (1)": "cmp1: cmp1 is silent"}, "why", "argus incidents", 1.0, 2.0, None),
)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with http_server() as made:
        yield made


def check_login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"argus", b"right")
    return AuthResult(success=good, handled=False)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that knows one login."""
    made = Mailbox(free_port())
    controller = Controller(
        made,
        hostname="127.0.0.1",
        port=made.port,
        authenticator=check_login,
        auth_require_tls=False,
    )
    controller.start()
    yield made
    controller.stop()


def mail(mailbox: Mailbox, password: str) -> Email:
    return Email("127.0.0.1", mailbox.port, "none", "argus@example.org", 5.0, "argus", password)


def test_a_wrong_smtp_password_is_found_without_a_mail(mailbox: Mailbox) -> None:
    mail(mailbox, "right").probe()
    with pytest.raises(NotifyError, match=r"refuses the login \(535\): see \[smtp\] username") as caught:
        mail(mailbox, "wrong").probe()
    assert "wrong" not in str(caught.value)
    assert mailbox.mails == []


def test_a_digest_is_a_mail_of_its_own_thread(mailbox: Mailbox) -> None:
    mail(mailbox, "right").send(DIGEST, "ops@example.org")
    (told,) = mailbox.mails
    assert told["Subject"] == "[Argus] DIGEST 2 incidents: 3 messages in one"
    assert told["In-Reply-To"] is None
    body = told.get_body(("plain",))
    assert body is not None
    assert "incident 7, HIGH (1): cmp1: cmp1 is silent" in body.get_content()


def test_slacks_url_is_good_when_it_misses_only_the_text(inbox: Inbox) -> None:
    inbox.answers = [400, 403, 404]
    slack = Slack("team", f"{inbox.url}/secret")
    slack.probe()
    for code in (403, 404):
        with pytest.raises(NotifyError, match=f"answers {code}") as caught:
            slack.probe()
        assert "secret" not in str(caught.value)
    assert {request.body for request in inbox.requests} == {b"{}"}


def test_pagerduty_is_asked_with_the_end_of_an_alert_that_never_was(inbox: Inbox) -> None:
    inbox.answers = [202, 400]
    pager = PagerDuty("oncall", inbox.url, "k" * 32)
    pager.probe()
    assert inbox.requests[0].json["event_action"] == "resolve"
    with pytest.raises(NotifyError, match="answers 400"):
        pager.probe()
