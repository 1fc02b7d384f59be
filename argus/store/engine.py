"""Connections to the database, with a limit to every wait."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL
    from sqlalchemy.engine import ExceptionContext

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
_NOT_ALLOWED = ("readonly database", "unable to open database file", "authorization denied")
LOCK_SECONDS = 10


class StoreError(ArgusError):
    """The database cannot be used."""


@dataclass(frozen=True, slots=True)
class Store:
    """The database of the correlator; ``address`` is its URL without the password."""

    engine: Engine
    address: str

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction that changes something: committed at the end, rolled back by any exception.

        Raises ``StoreError`` when the database cannot be used.
        """
        with self._session(self.engine) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One transaction that only reads, and never waits for a writer."""
        with self._session(self.engine.execution_options(argus_readonly=True)) as session:
            yield session

    @contextmanager
    def migrate(self) -> Iterator[Session]:
        """One transaction that changes the schema.  Raises ``StoreError``.

        SQLite changes most of a table by making it anew, and dropping the old one would delete all rows of
        other tables that refer to it: so references are checked at the end instead.
        """
        with self._session(self.engine.execution_options(argus_migrates=True)) as session, session.begin():
            yield session
            if (
                self.engine.dialect.name == "sqlite"
                and session.execute(text("PRAGMA foreign_key_check")).all()
            ):
                raise StoreError(f"{self.address}: rows refer to others that are gone; nothing was changed")

    def optimize(self) -> None:
        """Have SQLite count its rows, without which it chooses wrong indexes; PostgreSQL does so by itself.

        https://sqlite.org/lang_analyze.html.  Raises ``StoreError``.
        """
        if self.engine.dialect.name != "sqlite":
            return
        with self.write() as session:
            session.execute(
                text("PRAGMA analysis_limit = 1000")
            )  # rows of an index: milliseconds, not seconds
            session.execute(text("ANALYZE"))

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False) as session:
                yield session
        except SQLAlchemyError as exc:
            raise StoreError(self.explain(exc)) from exc

    def clock(self, own: Callable[[], float]) -> float:
        """Return the time by which all that share the database measure leases, in seconds since the epoch.

        PostgreSQL's own, since clocks of several hosts differ; SQLite's users share a host, and ``own`` is
        its clock.  Raises ``StoreError``.
        """
        if self.engine.dialect.name == "sqlite":
            return own()
        with self.read() as session:
            return float(session.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0.0)

    def explain(self, exc: SQLAlchemyError) -> str:
        """Say in one line what is wrong with the database; never shows its password."""
        cause = " ".join(str(getattr(exc, "orig", None) or exc).split())
        if "no such table" in cause or "UndefinedTable" in type(getattr(exc, "orig", exc)).__name__:
            return f"the database {self.address} has no tables yet: run argus db upgrade"
        hint = ""
        if self.engine.dialect.name == "sqlite" and any(word in cause for word in _NOT_ALLOWED):
            hint = ", and whether this user may write the file and its folder: sudo -u argus argus ..."
        return f"the database {self.address} cannot be used: {cause}; see [database] url in argus.conf{hint}"


def open_store(url: str) -> Store:
    """Make the engine; connects on first use only.  Raises ``StoreError`` for an URL that cannot work."""
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, **_options(parsed))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, ValueError) as exc:
        # the message of make_url() repeats the URL with its password
        known = "postgresql+psycopg://USER:PASSWORD@HOST/NAME or sqlite:////PATH"
        raise StoreError(
            f"[database] url is not a database URL ({type(exc).__name__}); use {known}"
        ) from None
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", _sqlite_begin)
    event.listen(engine, "handle_error", _read_only)
    return Store(engine, parsed.render_as_string(hide_password=True))


def _options(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            return {"connect_args": {"timeout": LOCK_SECONDS, "isolation_level": None}}
        case "postgresql":
            limits = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={LOCK_SECONDS}s"
            options = f"{url.query.get('options', '')} {limits}"  # the URL's own, such as a search_path, stay
            args = {"connect_timeout": CONNECT_SECONDS, "options": options, "application_name": "argus"}
            return {"connect_args": args, "pool_pre_ping": True, "pool_timeout": LOCK_SECONDS}
        case other:
            raise ValueError(f"{other} is neither postgresql nor sqlite")


def _read_only(context: ExceptionContext) -> None:
    """Leave a connection to what takes no writes any more, and all others with it; new ones find what does.

    A PostgreSQL that a failover made a standby answers on as before (25006, read_only_sql_transaction); so
    does a SQLite file that was moved away from under us (SQLITE_READONLY_DBMOVED).
    """
    error = context.original_exception
    if getattr(error, "sqlstate", "") == "25006" or "readonly database" in str(error):
        context.is_disconnect = True


def _sqlite_connected(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers go on while one writes
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first could not be upgraded, only fail."""
    options = connection.get_execution_options()
    # outside of a transaction, or it says nothing: https://sqlite.org/pragma.html#pragma_foreign_keys
    connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if options.get('argus_migrates') else 'ON'}")
    connection.exec_driver_sql("BEGIN" if options.get("argus_readonly") else "BEGIN IMMEDIATE")
