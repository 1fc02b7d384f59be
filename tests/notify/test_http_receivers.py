"""Webhook, PagerDuty and Slack: what is sent, and what each way of failing means."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from http_server import Inbox, http_server
from smtp_server import free_port

from argus.errors import ArgusError
from argus.notify import http, pagerduty, slack, webhook
from argus.notify.base import Notification, NotifyError

OPENED = Notification(
    kind="open",
    incident_id=7,
    uid="c0ffee",
    rule="node_does_not_report",
    title="The node does not report",
    subject="cmp1",
    severity="HIGH",
    summary="cmp1 does not report: no value for 95 s",
    evidence={"guests hit": "2: web-1, <!channel>"},
    reason="stood for 30 s",
    runbook="What to do:\n1. ping",
    since=1_700_000_000.0,
    opened_at=1_700_000_030.0,
    resolved_at=None,
)
RESOLVED = replace(OPENED, kind="resolve", resolved_at=1_700_000_600.0)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with http_server() as made:
        yield made


def hook(inbox: Inbox) -> webhook.Webhook:
    return webhook.Webhook("ops", f"{inbox.url}/hook", "hunter2")


def test_a_webhook_is_signed_and_names_schema_and_key(inbox: Inbox) -> None:
    hook(inbox).send(OPENED, "ops")
    (request,) = inbox.requests
    signature = hmac.new(b"hunter2", request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Argus-Signature"] == f"sha256={signature}"
    assert request.headers["Idempotency-Key"] == "c0ffee.open"
    assert request.json["schema"] == "argus.incident/1"
    assert request.json["evidence"] == OPENED.evidence


def test_a_second_attempt_sends_the_same_bytes(inbox: Inbox) -> None:
    for _ in range(2):
        hook(inbox).send(OPENED, "ops")
    first, second = inbox.requests
    assert (first.body, first.headers) == (second.body, second.headers)


def test_pagerduty_resolves_under_the_key_that_it_triggered(inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("R0UT1NG\n")
    options = {**pagerduty.OPTIONS, "routing_key_file": str(tmp_path / "key"), "url": inbox.url}
    receiver = pagerduty.make("oncall", options)
    receiver.send(replace(OPENED, summary="x" * 5000), "oncall")
    receiver.send(RESOLVED, "oncall")
    trigger, resolve = (request.json for request in inbox.requests)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"] == "argus:c0ffee"
    assert trigger["routing_key"] == "R0UT1NG"
    assert len(trigger["payload"]["summary"]) == 1024
    assert trigger["payload"]["severity"] == "critical"
    assert "R0UT1NG" not in repr(receiver)


def test_an_event_that_is_too_long_for_pagerduty_loses_its_details_not_itself(inbox: Inbox) -> None:
    receiver = pagerduty.PagerDuty("oncall", inbox.url, "k")
    receiver.send(replace(OPENED, evidence={"much": "x" * 600_000}), "oncall")
    assert len(inbox.requests[0].body) < 10_000


def test_a_name_cannot_ring_everybody_in_slack(inbox: Inbox) -> None:
    slack.Slack("ops", inbox.url).send(OPENED, "ops")
    (request,) = inbox.requests
    assert b"<!channel>" not in request.body
    assert "&lt;!channel&gt;" in request.json["attachments"][0]["text"]


def said(inbox: Inbox, note: Notification, zabbix: str = "") -> Any:
    slack.Slack("ops", inbox.url, zabbix).send(note, "ops")
    return inbox.requests[-1].json


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        pytest.param("@all", "@\u200ball", id="everybody"),
        pytest.param("x@channel", "x@\u200bchannel", id="within a word"),
        pytest.param("![x](http://e/t.png)", r"!\[x\](http://e/t.png)", id="a picture"),
        pytest.param("**web**", r"\*\*web\*\*", id="bold"),
        pytest.param("_web_ my_web_1", r"\_web\_ my_web_1", id="underscores"),
        pytest.param("`a` ~b~ c|d", r"\`a\` \~b\~ c\|d", id="code, struck out, a table"),
        pytest.param("back\\slash", r"back\\slash", id="a backslash"),
    ],
)
def test_a_name_is_text_in_mattermost(inbox: Inbox, name: str, seen: str) -> None:
    told = said(inbox, replace(OPENED, summary=f"{name} is gone", evidence={"guest": name}))
    assert seen in told["text"]
    assert told["text"] == told["attachments"][0]["fallback"]
    assert f"guest: {seen}" in told["attachments"][0]["text"]


def test_slack_knows_no_backslash() -> None:
    assert slack.safe("*a* @here", 100, markdown=False) == "*a* @\u200bhere"
    assert slack.Slack("x", "https://hooks.slack.com/services/T")._safe("*a*") == "*a*"


def test_slack_says_why_how_long_and_what_to_do(inbox: Inbox) -> None:
    told = said(inbox, OPENED, "http://zabbix.example.org/")["attachments"][0]
    for words in ("Why: stood for 30 s", "What to do:\n1. ping", "argus explain 7"):
        assert words in told["text"]
    assert told["title_link"] == "http://zabbix.example.org/zabbix.php?action=problem.view"
    ended = said(inbox, RESOLVED)["attachments"][0]
    assert "Lasted 9 min 30 s" in ended["text"]
    assert "What to do" not in ended["text"]
    assert "title_link" not in ended


@pytest.mark.parametrize("letter", ["x", "&", "*", "<!channel>"])
def test_what_is_too_long_for_slack_is_cut_between_letters(inbox: Inbox, letter: str) -> None:
    long = replace(OPENED, summary=letter * 9000, evidence={"e": letter * 9000}, runbook=letter * 9000)
    told = said(inbox, long)
    whole = (told["text"], told["attachments"][0]["fallback"], told["attachments"][0]["text"])
    assert all(len(each) <= slack.TEXT for each in whole)
    assert told["text"].endswith("…")
    cut = told["text"].removesuffix("…").replace("&lt;", "").replace("&gt;", "").replace("&amp;", "")
    assert "&" not in cut, "no half of an entity"
    assert "argus explain 7" in whole[2]


@pytest.mark.parametrize(
    ("answer", "permanent", "maybe"),
    [
        pytest.param(400, True, False, id="refused for good"),
        pytest.param(401, False, False, id="wrong secret: it can be mended"),
        pytest.param(429, False, False, id="too many"),
        pytest.param(500, False, True, id="server error"),
        pytest.param(302, True, False, id="moved: a POST is not followed"),
        pytest.param("reset", False, True, id="connection reset after it was read"),
        pytest.param("stall", False, True, id="accepted, then silence"),
    ],
)
def test_each_failure_says_whether_to_try_again(
    inbox: Inbox, answer: Any, permanent: bool, maybe: bool
) -> None:
    inbox.answers = [answer]
    with pytest.raises(NotifyError) as caught:
        http.post(f"{inbox.url}/hook", b"{}", {}, "webhook ops", timeout=(1.0, 0.5))
    assert (caught.value.permanent, caught.value.maybe_sent) == (permanent, maybe)
    assert "webhook ops" in str(caught.value)
    assert "/hook" not in str(caught.value), "a path may be a token"


def test_a_redirect_is_not_followed(inbox: Inbox) -> None:
    inbox.answers, inbox.headers = [307, 302], {"Location": f"{inbox.url}/elsewhere"}
    for _ in range(2):
        with pytest.raises(NotifyError, match="answers 30"):
            hook(inbox).send(OPENED, "ops")
    assert [request.path for request in inbox.requests] == ["/hook"] * 2


def test_retry_after_is_obeyed_within_reason(inbox: Inbox) -> None:
    inbox.headers = {"Retry-After": "17"}
    inbox.answers = [429, 503]
    for longest in (17.0, 3600.0):
        with pytest.raises(NotifyError) as caught:
            hook(inbox).send(OPENED, "ops")
        assert caught.value.retry_after == longest
        inbox.headers = {"Retry-After": "1000000"}


def test_nobody_listening_was_certainly_not_sent() -> None:
    with pytest.raises(NotifyError) as caught:
        webhook.Webhook("ops", f"http://127.0.0.1:{free_port()}/").send(OPENED, "ops")
    assert not caught.value.maybe_sent


def test_a_secret_that_cannot_be_read_is_named_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(ArgusError, match=r"secret_file: cannot read .*: No such file"):
        webhook.make("ops", {"url": "http://x", "secret_file": str(tmp_path / "none")})
