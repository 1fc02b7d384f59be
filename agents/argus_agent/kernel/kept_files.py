"""Files of the kernel that are read in every cycle, kept open from one to the next."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING, Any, TypeVar

from argus_agent.kernel.files import PAGE, read_record

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Kept:
    """An open file: what it said last, and what ``parse`` made of it."""

    __slots__ = ("data", "descriptor", "parse", "turn", "value")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.data = b""
        self.parse: Callable[[str], Any] | None = None
        self.value: Any = None
        self.turn = 0


class KeptFiles:
    """Files of one piece (see ``read_record``) that are read in each cycle: opened once, read by pread(2).

    Opening and closing is four fifths of what such a file costs.  A descriptor stays with its process, thread
    or control group when the number or name is given to another: once that has ended the kernel answers ESRCH
    or ENODEV, and the file is opened anew.  For files of the kernel alone, then; one on a disk that was
    replaced would be read for ever.

    At most ``limit`` descriptors are kept, 4 kB of the kernel's memory each; any further file is opened, read
    and closed.  What was not read for ``IDLE_TURNS`` turns is closed.  For one thread.
    """

    IDLE_TURNS = 4

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._kept: dict[str, _Kept] = {}
        self._turn = 0

    def __len__(self) -> int:
        """How many descriptors are open."""
        return len(self._kept)

    def turn(self) -> None:
        """Begin a cycle that reads everything; close what none of the last ones read."""
        self._turn += 1
        if self._turn % self.IDLE_TURNS == 0:
            oldest = self._turn - self.IDLE_TURNS
            for path in [path for path, kept in self._kept.items() if kept.turn < oldest]:
                self._close(path)

    def close(self) -> None:
        """Close all."""
        for path in list(self._kept):
            self._close(path)

    def parsed(self, path: str, parse: Callable[[str], T]) -> T:
        """Return what ``parse`` makes of the file: the same object as long as it says the same.

        Raises ``OSError``, and what ``parse`` raises.
        """
        kept = self._kept.get(path)
        if kept is None:
            return self._first(path, parse)
        try:
            data = os.pread(kept.descriptor, PAGE, 0)
        except OSError:  # what it belonged to has ended; there may be another of that name
            self._close(path)
            return self._first(path, parse)
        kept.turn = self._turn
        if data != kept.data or parse is not kept.parse:
            kept.value = parse(str(data, "utf-8", "replace"))
            kept.data, kept.parse = data, parse
        return kept.value  # type: ignore[no-any-return]  # of `parse`

    def _first(self, path: str, parse: Callable[[str], T]) -> T:
        if len(self._kept) >= self._limit:
            return parse(read_record(path))
        kept = _Kept(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        self._kept[path] = kept
        try:
            data = os.pread(kept.descriptor, PAGE, 0)
        except OSError:
            self._close(path)
            raise
        kept.turn = self._turn
        value = parse(str(data, "utf-8", "replace"))
        kept.data, kept.parse, kept.value = data, parse, value
        return value

    def _close(self, path: str) -> None:
        os.close(self._kept.pop(path).descriptor)


def room_for_descriptors(wanted: int, others: int) -> int:
    """Return how many descriptors of ``wanted`` this process may keep, beside ``others`` for all else.

    Raises its own limit for that, which anybody may, up to the hard one (setrlimit(2)): a service starts with
    1,024, for the sake of programs that use select(2).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + others:
        soft = wanted + others if hard == resource.RLIM_INFINITY else min(hard, wanted + others)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(0, min(wanted, soft - others))
