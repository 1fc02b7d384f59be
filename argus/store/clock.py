"""One clock for all workers: the database's, asked now and then and continued by each worker's own."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.store.engine import Store

log = logging.getLogger(__name__)

ASK_SECONDS = 30.0  # between two questions; quartz drifts by milliseconds meanwhile
APART_SECONDS = 5.0  # of the clocks of worker and database: worth a word


@dataclass(eq=False, slots=True)
class ServerClock:
    """Seconds since the epoch; where the database cannot be asked, as it told last, or this host's.

    ``wall`` is this host's clock, ``steady`` one that never jumps.
    """

    store: Store
    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    _ahead: float | None = None  # of the steady clock
    _asked: float | None = None
    _apart: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        """Return the time."""
        if self.store.engine.dialect.name == "sqlite":  # used by one host alone
            return self.wall()
        with self._lock:
            now = self.steady()
            if self._asked is None or now - self._asked >= ASK_SECONDS:
                self._asked = now
                self._ask()
            return self.wall() if self._ahead is None else self.steady() + self._ahead

    def _ask(self) -> None:
        before = self.steady()
        try:
            told = self.store.clock(self.wall)
        except StoreError as exc:
            log.debug("the database does not tell the time: %s", exc)
            return
        self._ahead = told - (before + self.steady()) / 2
        off = self.wall() - told
        if (abs(off) >= APART_SECONDS) != self._apart:
            self._apart = not self._apart
            log.warning("the clock of this host is %.1f s ahead of the database's, which is used", off)
