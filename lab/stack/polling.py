"""Waiting, always with an end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from stack.errors import DownError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout: float, every: float = 0.1) -> T | None:
    """Ask until the answer is true or `timeout` seconds are over; the answer, or None."""
    end = time.monotonic() + timeout
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() >= end:
            return None
        time.sleep(every)


def within(seconds: float, call: Callable[[], T]) -> T:
    """The answer of a call that may hang in a library (libvirt does when its daemon is stopped).

    The call runs in a daemon thread, which is left behind when it does not end in time.
    Raises DownError when there is no answer within `seconds`.
    """
    answers: list[T] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as failure:  # noqa: BLE001 - handed to the caller, in its own thread
            failures.append(failure)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise DownError(f"no answer within {seconds:g} s")
    return answers[0]
