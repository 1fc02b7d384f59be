"""What a call to an OpenStack API gave: a value, or why there is none."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Why(enum.StrEnum):
    """Why there is no value; the words are labels of metrics and stay as they are."""

    NOT_PERMITTED = "not_permitted"  # 403
    NOT_AUTHENTICATED = "not_authenticated"  # 401, or Keystone refuses the credentials
    NO_ENDPOINT = "no_endpoint"  # the catalogue has no such service in this region
    NOT_FOUND = "not_found"  # 404
    UNSUPPORTED = "unsupported"  # 406: the service is older than the microversion
    UNREACHABLE = "unreachable"  # refused, reset, no route, no name, TLS
    LATE = "late"  # no complete answer within the time-out
    FAILED = "failed"  # 5xx
    REFUSED = "refused"  # any other 4xx
    BROKEN = "broken"  # cut off, not JSON, too large, or another shape than documented
    PARTIAL = "partial"  # a cell is down: some of the list is there, with holes in it


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one call.  ``value`` is the decoded JSON, ``None`` unless ``ok``.

    A list is complete or it is no value: with the third of five pages missing, ``why`` says so.
    ``detail`` is one line for a person, without secrets; ``seconds`` is how long it took.
    """

    service: str
    path: str
    value: Any = None
    why: Why | None = None
    detail: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.why is None

    def __str__(self) -> str:
        """Name the call and what became of it."""
        return f"{self.service} {self.path}: {self.detail or 'ok'}"
