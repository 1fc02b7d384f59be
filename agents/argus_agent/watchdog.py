"""Tells systemd that the agent is ready and alive: sd_notify(3), sd_watchdog_enabled(3)."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

ALIVE = "WATCHDOG=1"
SIGNS_IN_TIMEOUT = 3
"""As systemd advises at least two: one may be late on a machine that is short of CPU."""
CYCLE_TIMEOUTS = 4
"""How many of libvirt's timeouts a cycle may take at most: for statistics, for who hangs, for definitions and
for jobs, each of them waited for by itself."""
CYCLE_SECONDS = 60.0
"""And what everything else may take on a machine that is very busy."""

START_SECONDS = 90.0
"""What systemd gives a service to be ready, unless it is set otherwise (DefaultTimeoutStartSec=)."""


def notify(state: str) -> None:
    """Tell systemd, where it started us: READY=1, WATCHDOG=1, STOPPING=1 ..."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError as error:  # systemd's trouble is not the node's
            log.debug("sd_notify: %s", error)


def longest_cycle(libvirt_timeout: float) -> float:
    """Return the seconds after which a cycle can only be one that hangs."""
    return CYCLE_TIMEOUTS * libvirt_timeout + CYCLE_SECONDS


class Watchdog:
    """Signs of life of the main loop, as often as WatchdogSec= wants them, whatever the interval.

    Between two cycles the loop wakes up to give one.  In a cycle it gives none: one that hangs for longer
    than WatchdogSec= gets the agent killed, as it should.  Where libvirt's timeout is so long that a cycle
    may rightly take longer, systemd is asked for more time.
    """

    def __init__(self, environ: Mapping[str, str], pid: int, tell: Callable[[str], None] = notify) -> None:
        self._tell = tell
        self._timeout = _timeout(environ, pid)
        self._told_at = float("-inf")

    def allow(self, libvirt_timeout: float) -> None:
        """Ask for as much time as one cycle may take, for the first one and for each, where that is more."""
        longest = longest_cycle(libvirt_timeout)
        if longest > START_SECONDS:
            self._tell(f"EXTEND_TIMEOUT_USEC={longest * 1e6:.0f}")  # the start ends with the first cycle
        if self._timeout is not None and self._timeout < longest:
            self._timeout = longest
            self._tell(f"WATCHDOG_USEC={longest * 1e6:.0f}")

    def due(self) -> float:
        """Return when the next sign is due, on the clock of ``alive``."""
        return float("inf") if self._timeout is None else self._told_at + self._timeout / SIGNS_IN_TIMEOUT

    def alive(self, now: float) -> None:
        """Give a sign of life when it is time."""
        if now >= self.due():
            self._told_at = now
            self._tell(ALIVE)

    def cycle_done(self, now: float) -> None:
        """Say that a cycle was measured: the agent is ready, and alive."""
        self._told_at = now
        self._tell(f"READY=1\n{ALIVE}")


def _timeout(environ: Mapping[str, str], pid: int) -> float | None:
    """Seconds of WatchdogSec=; ``None`` where systemd does not watch this process."""
    text, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not text.isdecimal() or not int(text) or (whose and whose != str(pid)):
        return None
    return int(text) / 1e6
