"""The Zabbix server of the Debian release (6.0 on 12, 7.0 on 13) and its database schema."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from stack.certificates import Authority
from stack.components.postgres import connect
from stack.errors import DownError, LabError
from stack.lab import write_private
from stack.ports import answers

if TYPE_CHECKING:
    import psycopg

    from stack.lab import Lab

USER = "zabbix"  # comes with the package; the server refuses root
SCHEMA = Path("/usr/share/zabbix-server-pgsql")
# CacheUpdateFrequency=1: what the API makes is known to the server a second later, not a minute
CONFIG = """\
ListenIP=127.0.0.1
ListenPort={port}
LogType=console
PidFile={folder}/daemon.pid
SocketDir={folder}
DBHost=127.0.0.1
DBPort={db_port}
DBName={database}
DBUser=zabbix
DBPassword={password}
CacheUpdateFrequency=1
CacheSize=512M
HistoryCacheSize=32M
HistoryIndexCacheSize=8M
ValueCacheSize=32M
TrendCacheSize=16M
StartPollers=1
StartPollersUnreachable=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartTrappers=5
StartPreprocessors=2
StartDBSyncers=2
StartLLDProcessors=2
StartAlerters=1
StartEscalators=1
StartTimers=1
AllowUnsupportedDBVersions=1
"""


class ZabbixServer:
    name = "zabbix-server"
    needs = ("postgres",)

    def start(self, lab: Lab) -> str:
        load_schema(lab, "zabbix", SCHEMA)
        folder = lab.folder(self.name, owner=USER)
        text = server_config(lab, self.name, "zabbix", folder) + _tls(lab, folder)
        return self.run(lab, write_private(folder / "zabbix_server.conf", text, owner=USER))

    def run(self, lab: Lab, config: Path) -> str:
        lab.processes.start(self.name, ["/usr/sbin/zabbix_server", "-f", "-c", config], user=USER)
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        if not answers(lab.ports[self.name]):
            raise DownError(f"nothing listens on 127.0.0.1:{lab.ports[self.name]}")
        return f"trapper on 127.0.0.1:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


def authority(lab: Lab) -> Authority:
    """Who signs the server's certificate, and those of agents that use one."""
    return Authority(lab.run / "tls")


def _tls(lab: Lab, folder: Path) -> str:
    """Certificates for who wants encryption; everybody else is talked to as before."""
    signer = authority(lab)
    if not signer.certificate.exists():
        signer = Authority.make(signer.folder)
    files = [signer.certificate, *signer.sign("zabbix-server")]
    words = ("TLSCAFile", "TLSCertFile", "TLSKeyFile")
    copies = [write_private(folder / file.name, file.read_text(), owner=USER) for file in files]
    return "".join(f"{word}={copy}\n" for word, copy in zip(words, copies, strict=True))


def server_config(lab: Lab, name: str, database: str, folder: Path | str) -> str:
    return CONFIG.format(
        port=lab.ports[name],
        folder=folder,
        db_port=lab.ports["postgres"],
        database=database,
        password=lab.password("zabbix"),
    )


def load_schema(lab: Lab, database: str, scripts: Path) -> None:
    """Fill the database under another name and rename it: there is never half a schema."""
    fresh = f"{database}_new"
    with connect(lab) as admin:
        if admin.execute("select 1 from pg_database where datname = %s", [database]).fetchone():
            return
        admin.execute(f"drop database if exists {fresh}")
        admin.execute(f"create database {fresh} owner zabbix")
        with connect(lab, "zabbix", fresh) as connection:
            for part in ("schema", "images", "data"):
                _run_script(connection, scripts / f"{part}.sql.gz")
            connection.execute("analyze")  # else the server's first minutes are spent on bad plans
        admin.execute(f"alter database {fresh} rename to {database}")


def _run_script(connection: psycopg.Connection, script: Path) -> None:
    """One simple query of many statements: no round trip for each of the 130,000 inserts."""
    try:
        connection.pgconn.exec_(gzip.decompress(script.read_bytes()))
    except FileNotFoundError:
        raise LabError(f"{script} is missing: is the package zabbix-server-pgsql installed?") from None
    if connection.pgconn.error_message:
        raise LabError(f"{script.name}: {connection.pgconn.error_message.decode(errors='replace')}")
