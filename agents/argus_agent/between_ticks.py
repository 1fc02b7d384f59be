"""When a cycle for the sake of events runs, and how many of them a storm of events gets."""

from __future__ import annotations

SETTLE_SECONDS = 0.1
"""What happens to a guest comes in several events, which one cycle shall tell."""
ECHO_SECONDS = 1.2
"""After a guest failed, until the node speaks again: whoever reads that knows that it did not die."""
SHORTEST_REST = 1.0
"""Seconds after any cycle."""
SHARE = 0.1
"""Of the CPU time of ticks, for the cycles between them while a storm lasts."""
BURST = 5
"""Cycles that run at once, one a second, whatever they cost: what happens now and then is told now."""
URGENT_BURST = 10
"""Further ones for guests that failed."""
SLOWEST_SECONDS = 30.0
"""Between two cycles of a storm, whatever they cost."""
DEFAULT_INTERVAL = 15.0
"""Where ticks are further apart, events get what they would get at the default."""


class BetweenTicks:
    """Soon, but at most one a second, a tenth of the time (but where a guest failed), a share of ticks' CPU.

    A storm of events costs no more than that; the next tick tells the rest.  Times are on one clock.
    """

    def __init__(self) -> None:
        self._wanted_at = float("inf")
        self._woken = False
        self._echo = False
        self._not_before = float("-inf")
        self._left = float(BURST)  # cycles, as of the last one
        self._ended = float("-inf")
        self._tick: float | None = None  # when the last tick began
        self._tick_cost = self._cost = 0.0  # CPU seconds of a tick, and of a cycle for events
        self._tick_seconds = DEFAULT_INTERVAL
        self._cpu: float | None = None  # of the process, when the last cycle began, whatever it was for
        self._is_tick = True

    def due(self, now: float, *, woken: bool, urgent: bool = False) -> float:
        """Return when to run; ``woken`` while there is something to tell, ``urgent`` when a guest failed."""
        if woken and not self._woken:
            self._woken = True
            self._wanted_at = min(self._wanted_at, now + SETTLE_SECONDS)
        urgent = urgent or self._echo
        # A page does not wait for a share of the time: a machine that is slow is where guests fail.
        not_before = min(self._not_before, self._ended + SHORTEST_REST) if urgent else self._not_before
        return max(self._wanted_at, not_before, self._affordable(urgent=urgent))

    def ran(
        self, begun: float, ended: float, *, failed: bool, tick: bool = False, cpu: float | None = None
    ) -> None:
        """A cycle, for whatever reason, told all until it began; one more follows the failure of a guest.

        ``cpu``: seconds of CPU time that the process had used when it began.  What is used until the next one
        begins is this one's: its values are sent and shown afterwards.
        """
        self._woken = False
        self._echo = failed
        self._wanted_at = ended + ECHO_SECONDS if failed else float("inf")
        self._not_before = ended + max(SHORTEST_REST, 9 * (ended - begun))
        self._count_cost(cpu)
        gained = self._rate * (ended - self._ended) if self._rate else float("inf")
        self._left = min(float(BURST), self._left + gained) - (0 if tick else 1)
        self._ended, self._cpu, self._is_tick = ended, cpu, tick
        if tick:
            self._tick_seconds = begun - self._tick if self._tick is not None else DEFAULT_INTERVAL
            self._tick = begun

    def _count_cost(self, cpu: float | None) -> None:
        if cpu is None or self._cpu is None:
            return
        cost = cpu - self._cpu
        if self._is_tick:
            self._tick_cost = (self._tick_cost + cost) / 2 if self._tick_cost else cost
        else:
            self._cost = (self._cost + cost) / 2 if self._cost else cost

    @property
    def _rate(self) -> float:
        """Cycles a second that a storm gets; 0 while costs are not known."""
        if not self._cost or not self._tick_cost:
            return 0.0
        fair = SHARE * self._tick_cost / self._cost / min(self._tick_seconds, DEFAULT_INTERVAL)
        return max(fair, 1 / SLOWEST_SECONDS)

    def _affordable(self, *, urgent: bool) -> float:
        missing = 1 - self._left - (URGENT_BURST if urgent else 0)
        return self._ended + missing / self._rate if missing > 0 and self._rate else float("-inf")
