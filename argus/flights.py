"""Messages that are on their way: each in a thread of its own, so that no receiver waits for another.

Threads only send; what is written to the database is written by the one that launched them.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from argus.store.outbox import Claim

AT_A_TIME = 32  # messages on their way, of one process
PER_SERVER = 3  # of them to one server, of all processes


@dataclass(eq=False, slots=True)
class Flight:
    """One message on its way to ``target``, which is the receiver or its successor, behind ``server``."""

    claimed: Claim
    target: str
    server: str
    began: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """Seconds since it was launched."""
        return time.monotonic() - self.began


@dataclass(eq=False, slots=True)
class Strays:
    """Threads that did not end in time, by server: a name service that hangs, a library without timeouts.

    They cannot be ended; a server that holds too many of them gets no more until some have come back.
    """

    threads: defaultdict[str, list[threading.Thread]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, server: str, thread: threading.Thread) -> None:
        """Remember one that was left behind."""
        with self.lock:
            self.threads[server].append(thread)

    def count(self) -> Mapping[str, int]:
        """Return how many there are behind each server."""
        with self.lock:
            for server in list(self.threads):
                self.threads[server] = [each for each in self.threads[server] if each.is_alive()]
                if not self.threads[server]:
                    del self.threads[server]
            return {server: len(each) for server, each in self.threads.items()}


@dataclass(eq=False, slots=True)
class Flights:
    """What one run has on its way; ``longest`` is how many seconds one is waited for."""

    longest: float
    strays: Strays
    _flying: dict[Flight, threading.Thread] = field(default_factory=dict)
    _landed: SimpleQueue[tuple[Flight, BaseException | None]] = field(default_factory=SimpleQueue)

    def __len__(self) -> int:
        """Return how many are on their way."""
        return len(self._flying)

    @property
    def flying(self) -> Collection[Flight]:
        """Return those on their way."""
        return self._flying.keys()

    def launch(self, flight: Flight, send: Callable[[], None]) -> None:
        """Begin to send."""

        def fly() -> None:
            error: BaseException | None = None
            try:
                send()
            except BaseException as exc:  # noqa: BLE001  # whoever waits for it gets it
                error = exc
            self._landed.put((flight, error))

        name = f"send {flight.claimed.id}"
        self._flying[flight] = threading.Thread(target=fly, name=name, daemon=True)
        self._flying[flight].start()

    def landed(self, seconds: float) -> tuple[Flight, BaseException | None] | None:
        """Wait for the next that comes to an end; ``None`` when none does within ``seconds``.

        One that takes too long comes back with a ``TimeoutError``, and is not waited for any more.
        """
        late = next((each for each in self._flying if each.age > self.longest), None)
        if late is not None:
            self.strays.add(late.server, self._flying.pop(late))
            return late, TimeoutError(f"no end within {self.longest:.0f} s")
        try:
            flight, error = self._landed.get(timeout=seconds)
        except Empty:
            return None
        return (flight, error) if self._flying.pop(flight, None) is not None else None
