"""PostgreSQL with the databases of Zabbix and of Argus, a password for each."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from stack.errors import DownError, LabError
from stack.lab import write_private
from stack.processes import as_user

if TYPE_CHECKING:
    from stack.lab import Lab

USER = "postgres"  # PostgreSQL refuses to run as root
# A lab may lose its data in a power failure; that buys some seconds at the first start.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "2GB"}


def connect(lab: Lab, user: str = "postgres", database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1",
        port=lab.ports["postgres"],
        user=user,
        password=lab.password(user),
        dbname=database,
        autocommit=True,
        connect_timeout=5,
    )


class Postgres:
    name = "postgres"
    needs: tuple[str, ...] = ()

    def start(self, lab: Lab) -> str:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not programs:
            raise LabError(
                "no PostgreSQL server in /usr/lib/postgresql: is the package postgresql installed?"
            )
        data = self._init(lab, programs[-1])
        port = str(lab.ports[self.name])
        argv: list[str | Path] = [programs[-1] / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1"]
        settings = {"unix_socket_directories": "", "max_connections": "100", **FAST}
        argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        lab.processes.start(self.name, argv, user=USER)
        works = lab.processes.wait_ready(self.name, lambda: self.check(lab))
        with connect(lab) as connection:
            for role in ("zabbix", "argus"):
                _make_role(connection, role, lab.password(role))
            _make_database(connection, "argus")
        return works

    def check(self, lab: Lab) -> str:
        try:
            with connect(lab) as connection:
                (version,) = connection.execute("show server_version").fetchone() or ("?",)
        except psycopg.OperationalError as failure:
            raise DownError(str(failure).splitlines()[0]) from None
        return f"PostgreSQL {version.split()[0]} on 127.0.0.1:{lab.ports['postgres']}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name, signal.SIGINT)  # SIGINT = fast shutdown

    def _init(self, lab: Lab, programs: Path) -> Path:
        folder = lab.folder("postgres", owner=USER, mode=0o700)
        data = folder / "data"
        if not (data / "PG_VERSION").exists():
            password = write_private(folder / "password", lab.password("postgres"), owner=USER)
            argv: list[str | Path] = [*as_user(USER, folder), programs / "initdb", "-D", data]
            argv += ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}"]
            lab.command(self.name, [*argv, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            password.unlink()
        return data


def _make_role(connection: psycopg.Connection, name: str, password: str) -> None:
    if not connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone():
        statement = sql.SQL("create role {} login password {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Literal(password)))


def _make_database(connection: psycopg.Connection, name: str) -> None:
    """A database that belongs to the role of the same name."""
    if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
        statement = sql.SQL("create database {} owner {}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(name)))
