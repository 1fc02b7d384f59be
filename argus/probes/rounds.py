"""Run many probes at the same time: a slow one delays no other, and one that hangs is not started twice."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, State, one_line
from argus.probes.wire import BlindError, Deadline, DeniedError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from argus.probes.target import Target

log = logging.getLogger(__name__)

GRACE_SECONDS = 2.0  # what a probe may take to come to its end after its deadline


@dataclass(frozen=True, slots=True)
class Task:
    """One probe of one target; ``timeout`` is for all of it, in seconds."""

    target: Target
    run: Callable[[Deadline], Outcome]
    timeout: float


@dataclass
class Rounds:
    """Runs rounds; remembers which probes of earlier rounds have not come back."""

    _busy: dict[Target, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, tasks: Sequence[Task]) -> Mapping[Target, Outcome]:
        """Return what each task found; takes no longer than the longest timeout and ``GRACE_SECONDS``."""
        found: dict[Target, Outcome] = {}
        ended = threading.Condition()
        for task in tasks:
            if (since := self._claim(task.target)) is not None:
                hanging = f"the probe that was started {since:.0f} s ago has not come back"
                found[task.target] = Outcome(State.UNKNOWN, hanging)
                continue
            threading.Thread(
                target=self._one, args=(task, found, ended), name=f"probe {task.target}", daemon=True
            ).start()
        end = time.monotonic() + max((task.timeout for task in tasks), default=0.0) + GRACE_SECONDS
        with ended:
            ended.wait_for(lambda: len(found) >= len(tasks), max(0.0, end - time.monotonic()))
            late = Outcome(State.UNKNOWN, "the probe did not come to an end")
            return {task.target: found.get(task.target, late) for task in tasks}

    def _claim(self, target: Target) -> float | None:
        """Mark a target as being probed; return for how long it has been, if it is already."""
        with self._lock:
            since = self._busy.setdefault(target, now := time.monotonic())
            return None if since == now else now - since

    def _one(self, task: Task, found: dict[Target, Outcome], ended: threading.Condition) -> None:
        outcome = attempt(task.run, Deadline(task.timeout))
        with self._lock:
            del self._busy[task.target]
        with ended:
            found[task.target] = outcome
            ended.notify_all()


def attempt(run: Callable[[Deadline], Outcome], deadline: Deadline) -> Outcome:
    """Run one probe; whatever it raises becomes an outcome."""
    try:
        return run(deadline)
    except ProbeError as exc:
        return Outcome(State.DOWN, one_line(str(exc)))
    except DeniedError as exc:
        return Outcome(State.DENIED, one_line(str(exc)))
    except BlindError as exc:
        return Outcome(State.UNKNOWN, one_line(str(exc)))
    except Exception as exc:  # the boundary: a mistake in one probe must not blind the others
        log.exception("probe failed")
        return Outcome(State.UNKNOWN, one_line(f"mistake in the probe: {type(exc).__name__}: {exc}"))
