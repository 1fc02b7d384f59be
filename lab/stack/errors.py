"""What goes wrong in the lab, in words for the person who watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class LabError(Exception):
    """A step failed: what happened, and the log that tells more."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log

    def report(self, lines: int = 15) -> str:
        """The message, the log's name and its last lines."""
        if self.log is None or not self.log.exists():
            return str(self)
        tail = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([str(self), f"the last lines of {self.log}:", *(f"    {line}" for line in tail)])


class DownError(Exception):
    """A component does not work now: why."""
