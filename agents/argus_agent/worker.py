"""A thread for calls that may never return: at most one at a time, and nobody waits longer than they want."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from argus_agent.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Stuck(Exception):  # noqa: N818 -- says what the call is, not that the program is wrong
    """The call has not returned within its deadline; it goes on in its thread."""


class Call(Generic[T]):
    """A call that is under way or done."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._done = threading.Event()
        self._value: list[T] = []
        self._error: Exception | None = None

    def run(self) -> None:
        """Make the call; what it raises is kept for ``result``."""
        try:
            self._value.append(self._function())
        except Exception as error:  # noqa: BLE001 -- raised again in the thread that asks for the result
            self._error = error
        except BaseException as error:  # SystemExit and the like end the thread alone, and are its failure
            self._error = RuntimeError(f"the call ended its thread: {error!r}")
            raise
        finally:
            self._done.set()

    @property
    def done(self) -> bool:
        """Whether it returned or raised."""
        return self._done.is_set()

    def result(self, timeout: float) -> T:
        """Return or raise what the call did.  Raises ``Stuck`` after ``timeout`` seconds without that."""
        if not self._done.wait(timeout):
            raise Stuck(f"no answer within {timeout:.3g} s")
        if self._error is not None:
            raise self._error
        return self._value[0]

    def forget(self) -> None:
        """Keep what it returned no longer: nobody asks again, and a worker keeps its last call."""
        self._value.clear()


class Worker:
    """One daemon thread: a call that hangs in it for ever keeps neither the program nor a second call."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._last: Call[object] | None = None
        THREADS.make(name, self._run).start()

    @property
    def busy(self) -> bool:
        """Whether the last call is still under way."""
        return self._last is not None and not self._last.done

    def start(self, function: Callable[[], T]) -> Call[T]:
        """Begin a call.  Raises ``Stuck`` while an earlier one is under way."""
        if self.busy:
            raise Stuck("an earlier call has still not returned")
        call: Call[T] = Call(function)
        self._last = call  # type: ignore[assignment]  # only its `done` is looked at
        self._jobs.put(call.run)
        return call

    def _run(self) -> None:
        while True:
            self._jobs.get()()
