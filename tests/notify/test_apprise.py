"""Apprise against a real HTTP server: its URL for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from http_server import Inbox, http_server

from argus.errors import ArgusError
from argus.notify.apprise import Apprise, make
from argus.notify.base import Notification, NotifyError

OPENED = Notification(
    *("open", 7, "u", "node_does_not_report", "A node is silent", "cmp1", "HIGH", "cmp1 is silent"),
    *({"guests": "<b>3</b>"}, "why", "What to do: look", 1.0, 2.0, None),
)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with http_server() as made:
        yield made


def apprise(folder: Path, text: str) -> Apprise:
    file = folder / "urls"
    file.write_text(text)
    return make("ops", {"url_file": str(file)})


def test_a_message_reaches_each_service_with_what_it_is_about(inbox: Inbox, tmp_path: Path) -> None:
    url = inbox.url.replace("http://", "json://")
    apprise(tmp_path, f"# the team\n{url}/a\n{url}/b\n").send(OPENED, "ops")
    assert sorted(request.path.strip("/") for request in inbox.requests) == ["a", "b"]
    told = inbox.requests[0].json
    assert (told["title"], told["type"]) == ("HIGH: cmp1 is silent", "failure")
    assert "guests: <b>3</b>\nargus explain 7" in told["message"]


def test_what_a_service_refuses_is_tried_again(inbox: Inbox, tmp_path: Path) -> None:
    inbox.answers = [500]
    with pytest.raises(NotifyError, match="did not take it") as caught:
        apprise(tmp_path, inbox.url.replace("http://", "json://")).send(OPENED, "ops")
    assert (caught.value.permanent, caught.value.maybe_sent) == (False, True)


def test_a_url_of_nothing_is_named_by_its_line_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ArgusError, match=r"urls:2 is no URL that apprise knows") as caught:
        apprise(tmp_path, "json://127.0.0.1/\nnosuch://secret\n")
    assert "secret" not in str(caught.value)
