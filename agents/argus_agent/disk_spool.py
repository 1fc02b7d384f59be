"""A spool that survives the agent: SQLite, bounded, and in memory while the disk does not take it."""

from __future__ import annotations

import functools
import logging
import sqlite3
import threading
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

from argus_agent.spool import MemorySpool
from argus_agent.zabbix_protocol import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

log = logging.getLogger(__name__)

PAGE_BYTES = 4096
BUSY_SECONDS = 1.0
BATCH = 100
_SCHEMA = """
create table if not exists waiting (
    number integer primary key autoincrement,
    host text not null, key text not null, clock integer not null, ns integer not null, text blob not null
)
"""


_SELECT = "select number, host, key, clock, ns, text from waiting order by number"
_DELETE_OLDEST = "delete from waiting where number in (select number from waiting order by number limit ?)"
_PAGES = ("page_count", "freelist_count")


class DiskSpool:
    """Values in the order they came; numbers of what is on disk are even, of what is in memory odd.

    ``limit`` values and about ``max_bytes`` bytes are kept on disk; the oldest make room and are counted
    in ``dropped``.  While the disk refuses (full, read-only, gone), new values are kept in memory and one
    line says why; they go to the disk as soon as it takes them again.
    """

    def __init__(self, path: Path, limit: int, max_bytes: int) -> None:
        self._path = path
        self._limit = limit
        self._max_pages = max(64, max_bytes // PAGE_BYTES)
        self._memory = MemorySpool(limit)
        self._database: sqlite3.Connection | None = None
        self._taken: set[int] = set()  # taken by Zabbix, but the disk did not let go of them yet
        self._trouble = ""
        self._lock = threading.Lock()
        self._dropped = 0
        self._count = 0  # rows in the file, those in _taken too
        with self._lock:
            self._attempt(self._open)

    @property
    def dropped(self) -> int:
        """Values given up so far because the spool was full."""
        return self._dropped + self._memory.dropped

    def __len__(self) -> int:
        return self._count - len(self._taken) + len(self._memory)

    def put(self, values: Iterable[Value]) -> None:
        """Add values; the oldest make room."""
        with self._lock:
            self._memory.put(values)
            # In batches: a disk that refuses costs one of them a cycle, however much waits in memory.
            while batch := self._memory.oldest(BATCH, ()):
                if not self._attempt(functools.partial(self._store, [value for _, value in batch])):
                    return
                self._memory.remove(number for number, _ in batch)
            if self._trouble:
                log.info("spool: %s takes values again", self._path)
            self._trouble = ""

    def oldest(
        self, limit: int, without: Collection[str], apart: Collection[int] = ()
    ) -> list[tuple[int, Value]]:
        """Return up to ``limit`` values, oldest first, but none of hosts ``without`` or numbers ``apart``."""
        found: list[tuple[int, Value]] = []
        with self._lock:
            self._attempt(lambda: found.extend(self._read(limit, without, apart)))
            in_memory = {number // 2 for number in apart if number % 2}
            rest = self._memory.oldest(limit - len(found), without, in_memory)
        return found + [(2 * number + 1, value) for number, value in rest]

    def remove(self, numbers: Iterable[int]) -> None:
        """Forget values, also when the disk cannot be written: they are not given out again."""
        with self._lock:
            given = list(numbers)
            self._memory.remove(number // 2 for number in given if number % 2)
            self._taken.update(number // 2 for number in given if not number % 2)
            self._attempt(self._forget)

    def close(self) -> None:
        """Close the file; what waits is there at the next start."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _attempt(self, action: Callable[[], None]) -> bool:
        """Do something with the disk; return whether it worked.  A trouble is said when it begins."""
        try:
            action()
        except (sqlite3.Error, OSError) as error:
            if not self._trouble:
                log.error("spool: %s: %s; values are kept in memory meanwhile", self._path, error)  # noqa: TRY400
            self._trouble = str(error)
            return False
        return True

    def _store(self, values: list[Value]) -> None:
        if self._database is None:
            self._open()
        assert self._database is not None
        with self._database as database:
            gone = self._make_room(database, len(values))
            database.executemany(
                "insert into waiting (host, key, clock, ns, text) values (?, ?, ?, ?, ?)",
                [(v.host, v.key, v.clock, v.ns, zlib.compress(v.value.encode(), 1)) for v in values],
            )
        self._count += len(values) - gone
        self._dropped += gone
        if self._taken:
            self._forget()

    def _make_room(self, database: sqlite3.Connection, coming: int) -> int:
        """Drop what is beyond the limit, a tenth when nine tenths of the bytes are used; return how many."""
        surplus = self._count + coming - self._limit
        pages, free = (database.execute(f"pragma {what}").fetchone()[0] for what in _PAGES)
        if pages - free > self._max_pages * 9 // 10:
            surplus = max(surplus, self._count // 10 + 1)
        return database.execute(_DELETE_OLDEST, (max(0, surplus),)).rowcount

    def _read(self, limit: int, without: Collection[str], apart: Collection[int]) -> list[tuple[int, Value]]:
        if self._database is None:
            return []
        found: list[tuple[int, Value]] = []
        with closing(self._database.execute(_SELECT)) as rows:
            for number, host, key, clock, ns, text in rows:
                if len(found) >= limit:
                    break
                if host not in without and number not in self._taken and 2 * number not in apart:
                    found.append((2 * number, Value(host, key, zlib.decompress(text).decode(), clock, ns)))
        return found

    def _forget(self) -> None:
        """Delete what was taken."""
        if self._database is None:
            return
        with self._database as database:
            gone = database.executemany(
                "delete from waiting where number = ?", [(number,) for number in self._taken]
            ).rowcount
        self._count -= max(0, gone)
        self._taken.clear()

    def _open(self) -> None:
        try:
            database = self._connect()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            broken = self._path.with_suffix(".broken")
            self._path.replace(broken)  # kept aside for a person to look at
            log.error("spool: %s is damaged (%s), now %s; a new one is begun", self._path, error, broken)  # noqa: TRY400
            database = self._connect()
        with closing(database.execute("select count(*) from waiting")) as rows:
            self._count = rows.fetchone()[0]
        self._database = database

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            # WAL without a sync at each commit: kill -9 loses nothing, a power cut the last moments.
            database.execute("pragma journal_mode = wal")
            database.execute("pragma synchronous = normal")
            database.execute(f"pragma max_page_count = {self._max_pages}")
            with database:
                database.execute(_SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database
