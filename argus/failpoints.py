"""Named moments at which a test can have this process killed: nothing unless ARGUS_FAILPOINT names one."""

from __future__ import annotations

import os
import signal

VARIABLE = "ARGUS_FAILPOINT"
POINTS = (
    "before_decision_commit",
    "after_decision_commit",
    "after_claim",
    "after_send",
    "after_settle",
)


def reach(point: str) -> None:
    """Die as by ``kill -9`` when the environment says so: no cleanup, no commit, no word."""
    if os.environ.get(VARIABLE) == point:
        os.kill(os.getpid(), signal.SIGKILL)
