"""What was read of a guest some time ago, and what to say of what could not be read."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from argus_agent.kernel.files import is_absence

T = TypeVar("T")


class Kept(NamedTuple, Generic[T]):
    """What was read of the process ``pid``; ``at`` in seconds since the epoch, ``read_at`` monotonic.

    Without a ``value`` the guest has none, and ``trouble`` says why if that is not as it should be.
    """

    pid: int
    at: float
    read_at: float
    value: T | None
    trouble: str


def what_is_wrong(error: OSError | ValueError | LookupError) -> str:
    """Return what to say of a file that could not be read or understood; nothing of one that is not there."""
    if isinstance(error, OSError):
        return "" if is_absence(error) else str(error)
    return f"{type(error).__name__}: {error}"  # it is of another form, or was cut off
