"""Keeps values until Zabbix has taken them: bounded, oldest first, with their original time."""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from argus_agent.zabbix_protocol import Value

COMPRESS_ABOVE = 1000
"""Values waiting from which on new ones are kept compressed: an outage, not the usual few seconds."""


class Spool(Protocol):
    """What a spool does; numbers identify values in it and grow."""

    @property
    def dropped(self) -> int:
        """Values given up so far because the spool was full."""

    def __len__(self) -> int:
        """Values that wait."""

    def put(self, values: Iterable[Value]) -> None:
        """Add values; the oldest make room."""

    def oldest(
        self, limit: int, without: Collection[str], apart: Collection[int] = ()
    ) -> list[tuple[int, Value]]:
        """Return up to ``limit`` values, oldest first, but none of hosts ``without`` or numbers ``apart``."""

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget values that were taken or are given up; numbers that are gone already are passed over."""


@dataclass(frozen=True, slots=True)
class _Packed:
    value: Value  # without its text
    text: bytes

    def unpack(self) -> Value:
        return replace(self.value, value=zlib.decompress(self.text).decode())


class MemorySpool:
    """A spool in memory: what it holds is lost when the agent stops."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[int, Value | _Packed] = {}  # in the order they came
        self._next = 0
        self._lock = threading.Lock()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._values)

    def put(self, values: Iterable[Value]) -> None:
        """Add values; the oldest make room."""
        with self._lock:
            for value in values:
                kept = _pack(value) if len(self._values) >= COMPRESS_ABOVE else value
                self._values[self._next] = kept
                self._next += 1
            while len(self._values) > self._limit:
                del self._values[next(iter(self._values))]
                self.dropped += 1

    def oldest(
        self, limit: int, without: Collection[str], apart: Collection[int] = ()
    ) -> list[tuple[int, Value]]:
        """Return up to ``limit`` values, oldest first, but none of hosts ``without`` or numbers ``apart``."""
        found: list[tuple[int, Value]] = []
        with self._lock:
            for number, kept in self._values.items():
                if len(found) >= limit:
                    break
                host = kept.value.host if isinstance(kept, _Packed) else kept.host
                if host not in without and number not in apart:
                    found.append((number, kept.unpack() if isinstance(kept, _Packed) else kept))
        return found

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget values."""
        with self._lock:
            for number in numbers:
                self._values.pop(number, None)


def _pack(value: Value) -> _Packed:
    return _Packed(replace(value, value=""), zlib.compress(value.value.encode(), 1))
