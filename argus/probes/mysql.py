"""MySQL and MariaDB: members, replication, and Galera where it is configured.

``SHOW GLOBAL STATUS``, ``SHOW GLOBAL VARIABLES``, ``SHOW REPLICA STATUS``
(https://mariadb.com/kb/en/show-replica-status/); Galera's variables:
https://galeracluster.com/library/documentation/galera-status-variables.html.  The rows ``wsrep_*`` are there
without Galera as well, with values that look like a broken cluster: only ``wsrep_provider_name`` tells.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pymysql

from argus.probes.members import Look, address, ask, majority
from argus.probes.outcome import State, one_line
from argus.probes.secret import password
from argus.probes.wire import DeniedError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline

PORT = 3306
ACCESS_DENIED, WRONG_DATABASE, NO_SUCH_COMMAND, NO_RIGHT = 1045, 1044, 1064, 1227
FIGURES = ("Threads_connected", "Threads_running", "Uptime", "wsrep_cluster_size", "wsrep_local_recv_queue")


@dataclass(frozen=True, slots=True)
class Mysql:
    """``hosts`` are HOST[:PORT] of all members; the user needs PROCESS and REPLICATION CLIENT.

    ``need`` members must work (0: one, or a majority of a Galera cluster); ``lag_max`` is in seconds,
    ``connections_max_ratio`` of ``max_connections``.
    """

    hosts: tuple[str, ...]
    username: str
    password_file: str = ""
    need: int = 0
    lag_max: float = 60.0
    connections_max_ratio: float = 0.9
    galera: bool = False

    def __post_init__(self) -> None:
        """Check the addresses.  Raises ``ValueError``."""
        for host in self.hosts:
            address(host, PORT)

    def run(self, deadline: Deadline) -> Outcome:
        """Ask every member."""
        secret = password(self.password_file)
        need = self.need or (majority(len(self.hosts)) if self.galera else 1)
        return ask("member", self.hosts, lambda host: self._look(host, secret, deadline), need=need)

    def _look(self, host: str, secret: str, deadline: Deadline) -> Look:
        name, port = address(host, PORT)
        left = deadline.left()
        begin = deadline.elapsed
        try:
            connection = pymysql.connect(
                host=name,
                port=port,
                user=self.username,
                password=secret,
                connect_timeout=max(1, int(left)),
                read_timeout=left,
                write_timeout=left,
            )
            with closing(connection), connection.cursor() as cursor:
                status = _rows(cursor, "SHOW GLOBAL STATUS")
                answered = deadline.elapsed - begin
                deadline.left()
                variables = _rows(cursor, "SHOW GLOBAL VARIABLES")
                deadline.left()
                replica = _replica(cursor)
        except (pymysql.err.Error, OSError) as exc:
            raise _why(exc) from None
        found = judge(status, variables, replica, self)
        return replace(found, latency=answered)


def _why(exc: Exception) -> Exception:
    number = exc.args[0] if exc.args else 0
    text = one_line(str(exc.args[-1] if exc.args else exc))
    if number in {ACCESS_DENIED, WRONG_DATABASE, NO_RIGHT}:
        return DeniedError(f"{number} {text}")
    return ProbeError(f"{number} {text}" if number else text)


def _rows(cursor: Any, statement: str) -> dict[str, str]:
    cursor.execute(statement)
    return {str(name): str(value) for name, value in cursor.fetchall()}


def _replica(cursor: Any) -> Mapping[str, Any] | None:
    """The state of replication, ``None`` for a server that replicates from nobody, or may not be asked."""
    for statement in ("SHOW REPLICA STATUS", "SHOW SLAVE STATUS"):
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError as exc:
            if exc.args and exc.args[0] in {NO_SUCH_COMMAND, NO_RIGHT}:
                continue
            raise
        row = cursor.fetchone()
        return dict(zip((each[0] for each in cursor.description), row, strict=True)) if row else None
    return None


def judge(
    status: Mapping[str, str],
    variables: Mapping[str, str],
    replica: Mapping[str, Any] | None,
    limit: Mysql,
) -> Look:
    """Judge one member by what it says."""
    down, bad = _galera(status, required=limit.galera), []
    used, most = _number(status.get("Threads_connected")), _number(variables.get("max_connections"))
    if used is not None and most and used / most > limit.connections_max_ratio:
        bad.append(f"{used:.0f} of {most:.0f} connections in use")
    figures = {name: n for name in FIGURES if (n := _number(status.get(name))) is not None}
    if most:
        figures["max_connections"] = most
    if replica is not None:
        lag, trouble = replication(replica, limit.lag_max)
        bad.extend(trouble)
        if lag is not None:
            figures["replication_lag_seconds"] = lag
    if not status.get("wsrep_provider_name"):
        figures.pop("wsrep_cluster_size", None)
        figures.pop("wsrep_local_recv_queue", None)
    state = State.DOWN if down else State.DEGRADED if bad else State.UP
    group = status.get("wsrep_cluster_state_uuid", "") if status.get("wsrep_provider_name") else ""
    message = one_line("; ".join([*down, *bad]))
    return Look(state, message, version=variables.get("version", ""), figures=figures, group=group)


def _galera(status: Mapping[str, str], *, required: bool) -> list[str]:
    """What keeps a member of a Galera cluster from serving; nothing where there is no Galera."""
    if not status.get("wsrep_provider_name"):
        return ["Galera is configured here, and no wsrep provider is loaded"] if required else []
    wanted = {"wsrep_cluster_status": "Primary", "wsrep_ready": "ON", "wsrep_connected": "ON"}
    wrong = [
        f"{name.removeprefix('wsrep_').replace('_', ' ')} is {status.get(name, 'absent')}"
        for name, value in wanted.items()
        if status.get(name, "").lower() != value.lower()
    ]
    local = status.get("wsrep_local_state_comment", "Synced")
    if not wrong and local not in {"Synced", "Donor/Desynced"}:
        wrong.append(f"is {local}")
    return wrong


def replication(row: Mapping[str, Any], lag_max: float) -> tuple[float | None, list[str]]:
    """Return the lag in seconds, ``None`` while it is not known, and what is wrong.

    MySQL 8.0.22 and MariaDB 10.5 name the columns ``Replica_*`` and ``Source_*``, older ones otherwise.
    """
    names = {str(name).replace("Slave", "Replica").replace("Master", "Source"): row[name] for name in row}
    wrong = []
    for thread, error in (("IO", "Last_IO_Error"), ("SQL", "Last_SQL_Error")):
        running = names.get(f"Replica_{thread}_Running")
        if running is not None and running != "Yes":
            wrong.append(f"replication {thread} thread: {running}{_after(names.get(error))}")
    lag = _number(names.get("Seconds_Behind_Source"))
    if lag is not None and lag > lag_max:
        wrong.append(f"replication is {lag:.0f} s behind")
    return lag, wrong


def _after(text: Any) -> str:
    return f" ({text})" if text else ""


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
