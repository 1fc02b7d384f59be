"""What is told, to whom, and what may go wrong on the way."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(enum.Enum):
    """Which moment of an incident is told."""

    OPEN = "open"
    UPDATE = "update"  # became more severe
    ACK = "ack"  # somebody looks after it
    RESOLVE = "resolve"
    REMIND = "remind"  # still there, and nobody looks after it
    DIGEST = "digest"  # what a receiver's limit did not let out one by one


@dataclass(frozen=True, slots=True)
class Notification:
    """One message before it takes the form of a mail or a page.  Frozen when the incident changed.

    ``uid`` names the incident for ever and everywhere; times are seconds since the epoch.
    """

    kind: str
    incident_id: int
    uid: str
    rule: str
    title: str
    subject: str
    severity: str
    summary: str
    evidence: Mapping[str, str]
    reason: str
    runbook: str
    since: float
    opened_at: float
    resolved_at: float | None
    seq: int = 0  # of several messages of a kind
    by: str = ""  # who acknowledged it; of an end, the incident that it was merged into
    headline: str = ""  # the receiver's own title
    at: float = 0.0  # when it was first handed over; 0: not yet

    @property
    def key(self) -> str:
        """Return what names this message for ever: a retry carries the same."""
        return f"{self.uid}.{self.kind}" + (f".{self.seq}" if self.seq else "")

    @property
    def head(self) -> str:
        """Return the word in front of the summary."""
        if self.kind == Kind.RESOLVE.value:
            return f"MERGED into {self.by}" if self.by else "RESOLVED"
        if self.kind == Kind.DIGEST.value:
            return "DIGEST"
        if self.kind == Kind.REMIND.value:
            return f"STILL {self.severity}"
        return f"ACKNOWLEDGED by {self.by}" if self.kind == Kind.ACK.value else self.severity

    @property
    def line(self) -> str:
        """Return the one line that says it all."""
        return self.headline or f"{self.head}: {self.summary}"

    def payload(self) -> dict[str, Any]:
        """Return what the outbox stores."""
        return asdict(self)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self:
        """Raise ``TypeError`` for a payload that another version wrote and this one cannot read."""
        return cls(**payload)


class NotifyError(ArgusError):
    """The message was not accepted.

    ``permanent``: trying again will not help.  ``maybe_sent``: the connection broke when the message may have
    been taken already; it must be sent again, the same bytes under the same id.  ``retry_after`` is how long
    the receiver asks to be left alone, in seconds, ``code`` what an HTTP server answered.  ``server``: its
    server cannot be reached, whoever the message is for.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        maybe_sent: bool = False,
        retry_after: float | None = None,
        code: int | None = None,
        server: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.maybe_sent = maybe_sent
        self.retry_after = retry_after
        self.code = code
        self.server = server


REQUIRED = "<required>"  # the default of an option that has none


def option(options: Mapping[str, str], name: str) -> str:
    """Read the secret in the file that an option names.  Raises ``ArgusError``; never shows the content."""
    path = Path(options[name])
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or "not text"
        raise ArgusError(f"{name}: cannot read {path}: {why}") from None
    if not value:
        raise ArgusError(f"{name}: {path} is empty")
    return value


class Receiver(Protocol):
    """One way to reach people."""

    def send(self, notification: Notification, address: str) -> None:
        """Return once the message was accepted, else raise ``NotifyError``; within a deadline of its own."""


@runtime_checkable
class Probed(Protocol):
    """A receiver that can be asked whether it would take a message, without telling anybody anything."""

    def probe(self) -> None:
        """Return when it would, as far as it says; else raise ``NotifyError``."""


@runtime_checkable
class Served(Protocol):
    """A receiver whose server others may share: while nothing reaches it, they need not try."""

    @property
    def server(self) -> str: ...
