"""Calls that may hang for ever, one for each thing: what hangs costs itself, and a thread meanwhile."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from argus_agent.worker import Stuck, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

K = TypeVar("K")
T = TypeVar("T")


class Askers(Generic[K, T]):
    """Asks ``ask`` of many things, in one thread as long as none hangs, in at most ``most`` otherwise.

    ``answers`` has the last answer of each, or what the call raised; ``not_asked`` those for which no thread
    was free.
    """

    def __init__(self, name: str, ask: Callable[[K], T], clock: Callable[[], float], most: int) -> None:
        self._name = name
        self._ask = ask
        self._clock = clock
        self._most = most
        self._workers: list[Worker] = []
        self._queue: deque[K] = deque()
        self._under_way: dict[K, float] = {}
        self.answers: dict[K, T | Exception] = {}
        self.not_asked: frozenset[K] = frozenset()

    def ask(self, things: Iterable[K], patience: float) -> None:
        """Ask of all but those whose last call is under way.

        Waits up to ``patience`` seconds for the first that hangs, and half as long for each further one; what
        answers later is in ``answers`` then.
        """
        wanted = list(things)
        for gone in [thing for thing in self.answers if thing not in wanted]:
            self.answers.pop(gone, None)
        self._queue.extend(thing for thing in wanted if thing not in self._under_way)
        while self._queue:
            worker = self._idle()
            if worker is None:
                break
            try:
                worker.start(self._drain).result(patience)
            except Stuck:
                patience /= 2  # the next thread takes the rest; all together wait twice as long at most
        self.not_asked = frozenset(self._queue)
        self._queue.clear()

    def waits(self, thing: K) -> float | None:
        """Return for how many seconds a call has been under way, ``None`` without one."""
        since = self._under_way.get(thing)
        return None if since is None else self._clock() - since

    def _idle(self) -> Worker | None:
        for worker in self._workers:
            if not worker.busy:
                return worker
        if len(self._workers) >= self._most:
            return None
        self._workers.append(Worker(f"{self._name}-{len(self._workers)}"))
        return self._workers[-1]

    def _drain(self) -> None:
        """Runs in a worker."""
        while True:
            try:
                thing = self._queue.popleft()
            except IndexError:
                return
            self._under_way[thing] = self._clock()
            try:
                self.answers[thing] = self._ask(thing)
            except Exception as error:  # noqa: BLE001 -- an answer as well: whoever asked looks at it
                self.answers[thing] = error
            finally:
                self._under_way.pop(thing, None)
