"""Threads that are meant to run as long as the agent: one that fails is begun again, logged and counted.

Without that, a thread that ends leaves no more than a traceback, and what it did is missing for ever.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
LAST_PAUSE = 60.0


class Lasting:
    """A daemon thread.  ``run`` returns only when it shall end, and is called again when it raises."""

    def __init__(self, name: str, run: Callable[[], object], pause: float = FIRST_PAUSE) -> None:
        self._run = run
        self._pause = pause
        self._works = False
        self._ended = False
        self.failures = 0
        self.thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._works = True
        self.thread.start()

    @property
    def is_down(self) -> bool:
        """Whether it should run and does not: it failed and is not begun again yet, or it is dead."""
        if not self.thread.ident or self._ended:
            return False
        return not self._works or not self.thread.is_alive()

    def _keep_running(self) -> None:
        pause = self._pause
        while True:
            try:
                self._run()
            except BaseException:  # also SystemExit: in a thread it ends nothing but the thread
                self.failures += 1
                self._works = False
                log.exception("thread %s failed; it is begun again in %.0f s", self.thread.name, pause)
            else:
                self._ended = True
                return
            threading.Event().wait(pause)
            pause = min(LAST_PAUSE, 2 * pause)
            self._works = True


class Threads:
    """The lasting threads of a process."""

    def __init__(self) -> None:
        self._all: list[Lasting] = []
        self._lock = threading.Lock()

    def make(self, name: str, run: Callable[[], object]) -> Lasting:
        """Return a thread that is watched from now on; it is not started yet."""
        made = Lasting(name, run)
        with self._lock:
            self._all.append(made)
        return made

    def down(self) -> tuple[str, ...]:
        """Return the names of the threads that should run and do not."""
        return tuple(each.thread.name for each in self._snapshot() if each.is_down)

    def failures(self) -> int:
        """Return how often a thread failed since the agent started."""
        return sum(each.failures for each in self._snapshot())

    def _snapshot(self) -> Iterator[Lasting]:
        with self._lock:
            yield from tuple(self._all)


THREADS = Threads()
"""Those of this process: threads belong to it, as its memory does."""
