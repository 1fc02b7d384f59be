"""A wrong password, key or URL is found by asking, on real servers, and nobody hears anything of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from http_server import Inbox, http_server
from smtp_server import Mailbox, free_port

from argus.errors import ArgusError
from argus.notify import pagerduty
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


KEY, OF_AN_ORCHESTRATION = "k" * 32, "R" * 32
SERVICES = "/services?include%5B%5D=integrations&limit=100&offset="
ORCHESTRATIONS = "/event_orchestrations?limit=100&offset=0"


def account(inbox: Inbox) -> None:
    """Two pages of services, and one event orchestration."""
    mine = {"integrations": [{"id": "P1", "integration_key": KEY}, {"id": "P2"}, None]}
    inbox.documents = {
        f"{SERVICES}0": {"services": [{"integrations": None}, "odd"], "more": True},
        f"{SERVICES}100": {"services": [mine], "more": False},
        ORCHESTRATIONS: {
            "orchestrations": [{"integrations": [{"parameters": {"routing_key": OF_AN_ORCHESTRATION}}]}]
        },
    }


@pytest.mark.parametrize("key", [KEY, OF_AN_ORCHESTRATION])
def test_a_key_that_belongs_to_something_is_well(inbox: Inbox, key: str) -> None:
    account(inbox)
    PagerDuty("oncall", f"{inbox.url}/enqueue", key, inbox.url, "token").probe()
    assert inbox.requests[-1].path == "/enqueue"
    assert inbox.requests[0].headers["Authorization"] == "Token token=token"


def test_a_key_that_pagerduty_would_take_and_drop_fails_its_probe(inbox: Inbox) -> None:
    account(inbox)
    pager = PagerDuty("oncall", f"{inbox.url}/enqueue", "x" * 32, inbox.url, "token")
    with pytest.raises(NotifyError, match="belongs to no service and no event orchestration") as caught:
        pager.probe()
    assert "xxx" not in str(caught.value)


def test_a_token_that_may_not_list_and_an_answer_that_is_none_are_said(inbox: Inbox) -> None:
    inbox.answers = [401, 200]
    pager = PagerDuty("oncall", f"{inbox.url}/enqueue", KEY, inbox.url, "token")
    for said in ("api_token_file: .* answers 401", "answers no JSON"):
        with pytest.raises(NotifyError, match=said):
            pager.probe()


def test_what_is_no_key_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("e+23rschqsESqk9Q6_-g")  # a token of the REST API, in its place
    with pytest.raises(ArgusError, match="holds no integration key of the Events API v2"):
        pagerduty.make("oncall", {**pagerduty.OPTIONS, "routing_key_file": str(file)})
