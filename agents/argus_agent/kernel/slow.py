"""Files that are dear to read (smaps_rollup, numa_maps walk the page tables): one guest a cycle, in turn."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

T = TypeVar("T")


class InTurn(Generic[T]):
    """Keeps the last value of every guest and renews one a cycle."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        """``name`` is the file below /proc/PID."""
        self._name = name
        self._parse = parse
        self._last: dict[str, T] = {}
        self._waiting: list[str] = []

    def renew(self, procfs: Path, pids: Mapping[str, int]) -> Mapping[str, T]:
        """Read the file of the next guest and return the values of all, by uuid.

        A guest not read yet, gone, or not readable for this user has none.
        """
        self._last = {uuid: value for uuid, value in self._last.items() if uuid in pids}
        self._waiting = [uuid for uuid in self._waiting if uuid in pids] or sorted(pids)
        if self._waiting:
            uuid = self._waiting.pop(0)
            self._last.pop(uuid, None)
            # Absent is the answer when it ended since it was listed, on old kernels, without CAP_SYS_PTRACE.
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                self._last[uuid] = self._parse((procfs / str(pids[uuid]) / self._name).read_text())
        return self._last
