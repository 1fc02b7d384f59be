"""However a server drags a conversation on, it is over in time, and it is known what may have been taken."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from slow_server import drip

from argus.notify import http
from argus.notify.base import NotifyError
from tests.notify.test_email import OPENED, OPS, receiver

STEPS = (0.5, 0.5)  # seconds to connect, and between two reads
TOTAL = 0.6


def failure(url: str) -> NotifyError:
    began = time.monotonic()
    with pytest.raises(NotifyError) as caught:
        http.post(url, b"{}", {}, "webhook ops", STEPS, TOTAL)
    assert time.monotonic() - began < 3 * TOTAL
    return caught.value


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(b"", b"H", id="a status line that never ends"),
        pytest.param(b"", b"", id="silence"),
    ],
)
def test_an_answer_that_never_ends_is_cut_and_may_have_been_a_good_one(first: bytes, then: bytes) -> None:
    with drip(first, then) as port:
        error = failure(f"http://127.0.0.1:{port}/")
    assert error.maybe_sent
    assert not error.server, "whoever took the connection is there"


def test_a_message_that_was_accepted_does_not_wait_for_the_end_of_the_answer() -> None:
    began = time.monotonic()
    with drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ") as port:
        http.post(f"http://127.0.0.1:{port}/", b"{}", {}, "webhook ops")
    assert time.monotonic() - began < 1


def test_a_refusal_whose_text_never_ends_is_a_refusal() -> None:
    with drip(b"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\nno", b" ") as port:
        error = failure(f"http://127.0.0.1:{port}/")
    assert (error.code, error.permanent) == (404, True)


def test_a_handshake_that_never_ends_sent_nothing() -> None:
    with drip() as port:
        error = failure(f"https://127.0.0.1:{port}/")
    assert error.server
    assert not error.maybe_sent


def test_a_name_that_is_not_known_sent_nothing_and_shows_no_path() -> None:
    error = failure("http://no-such-host.invalid/TOKEN")
    assert error.server
    assert not error.maybe_sent
    assert "TOKEN" not in str(error)


def test_an_answer_is_read_up_to_a_bound() -> None:
    endless = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{", b" ")
    with endless as port, pytest.raises(NotifyError, match="does not answer within"):
        http.get(f"http://127.0.0.1:{port}/", {}, "token", STEPS, TOTAL)


@pytest.mark.parametrize("tls", ["none", "starttls", "tls"])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(b"", b"2", id="a greeting that never ends"),
        pytest.param(b"220 hello\r\n", b"250-more\r\n", id="an answer of ever more lines"),
    ],
)
def test_a_mail_server_that_drips_costs_two_timeouts_and_no_more(first: bytes, then: bytes, tls: str) -> None:
    began = time.monotonic()
    with drip(first, then) as port, pytest.raises(NotifyError) as caught:
        receiver(port, tls=tls, timeout=0.4).send(OPENED, OPS)
    assert time.monotonic() - began < 2
    assert caught.value.server
    assert not caught.value.maybe_sent


def test_the_date_of_a_mail_is_when_it_was_first_handed_over() -> None:
    from argus.notify.email import compose  # noqa: PLC0415  # one test's

    remind = replace(OPENED, kind="remind", seq=1)
    assert "14 Nov 2023 22:13:40" in compose(remind, "a@b", OPS)["Date"]
    later = replace(remind, at=OPENED.opened_at + 30 * 3600)
    assert "16 Nov 2023 04:13:40" in compose(later, "a@b", OPS)["Date"]
