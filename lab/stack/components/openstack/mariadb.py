"""MariaDB with a database for each service, and an account that may only look at the server's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.settings import DATABASE_USER, HOST, home
from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab

MONITOR = "argus_monitor"
DATABASES = (
    "keystone placement nova_api nova nova_cell0 glance neutron cinder heat".split()  # noqa: SIM905 - shorter
)
# A lab may lose its data in a power failure.
FAST = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-flush-method": "nosync",
    "skip-log-bin": "",
    "max-connections": "500",
}


def socket(lab: Lab) -> Path:
    return home(lab) / "mariadb.sock"


class Mariadb:
    name = "mariadb"
    needs = ("openstack-packages",)

    def start(self, lab: Lab) -> str:
        data = home(lab) / "mariadb"
        if not (data / "mysql").exists():
            argv: list[str | Path] = ["mariadb-install-db", "--no-defaults", "--user=root", "--skip-test-db"]
            argv += ["--auth-root-authentication-method=normal", f"--datadir={data}"]
            lab.command(self.name, argv)
        argv = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={socket(lab)}"]
        argv += [f"--bind-address={HOST}", f"--port={lab.ports[self.name]}", "--skip-name-resolve"]
        argv += ["--character-set-server=utf8mb3", f"--pid-file={home(lab) / 'mariadb.pid'}"]
        argv += [f"--{name}={value}" if value else f"--{name}" for name, value in FAST.items()]
        lab.processes.start(self.name, argv)
        works = lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=60)
        execute(lab, "".join(f"{statement};\n" for statement in _statements(lab)))
        return works

    def check(self, lab: Lab) -> str:
        try:
            version = execute(lab, "select version()")
        except LabError as failure:
            raise DownError(str(failure)) from None
        return f"MariaDB {version.split('-')[0]} on {HOST}:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


def execute(lab: Lab, statements: str) -> str:
    """Run SQL as root by the socket, which no other user may reach. Raises LabError."""
    argv: list[str | Path] = ["mariadb", "--no-defaults", "-uroot", "-S", socket(lab), "-N", "-B"]
    return lab.command("mariadb-client", argv, stdin=statements, timeout=30)


def _statements(lab: Lab) -> list[str]:
    def account(user: str, password: str) -> str:
        return f"CREATE USER IF NOT EXISTS '{user}'@'{HOST}' IDENTIFIED BY '{lab.password(password)}'"

    return [
        *(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb3" for name in DATABASES),
        account(DATABASE_USER, "mariadb"),
        f"GRANT ALL ON *.* TO '{DATABASE_USER}'@'{HOST}'",
        account(MONITOR, "openstack-monitor"),
        # SLAVE MONITOR is what SHOW REPLICA STATUS needs since MariaDB 10.5
        f"GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR, SHOW DATABASES ON *.* TO '{MONITOR}'@'{HOST}'",
    ]
