"""Three members of a Galera cluster on loopback, beside the control plane's own MariaDB; on demand."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.components.openstack.mariadb import FAST, MONITOR
from stack.components.openstack.settings import HOST, home
from stack.errors import DownError, LabError
from stack.processes import as_user

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Component, Lab

NAMES = ("galera-1", "galera-2", "galera-3")
USER = "mysql"  # as root, the rsync that brings a member its data gives up its rights and finds nothing
PROVIDER = "/usr/lib/libgalera_smm.so"  # Debian's galera-4, which mariadb-server depends on
TABLES = {
    **{name: value for name, value in FAST.items() if name != "skip-log-bin"},
    "innodb-buffer-pool-size": "32M",
    "binlog-format": "ROW",
    "innodb-autoinc-lock-mode": "2",
}


class GaleraData:
    """A new cluster: no member of the last one may be asked who was the last to end."""

    name = "galera-data"
    needs = ("openstack-packages",)

    def start(self, lab: Lab) -> str:
        if not any(lab.processes.pid(name) for name in NAMES):
            for name in NAMES:
                shutil.rmtree(home(lab) / name, ignore_errors=True)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        return f"{len(NAMES)} members below {home(lab)}"

    def stop(self, lab: Lab) -> None:
        """Files only."""


@dataclass(frozen=True, slots=True)
class Member:
    """The first of all makes the cluster; one that joins gets the data from another by rsync."""

    name: str
    needs: tuple[str, ...]

    def start(self, lab: Lab) -> str:
        folder = lab.folder(f"openstack/{self.name}", USER)
        user = as_user(USER, folder)
        if not (folder / "data" / "mysql").exists():
            argv: list[str | Path] = [*user, "mariadb-install-db", "--no-defaults", "--skip-test-db"]
            argv += ["--auth-root-authentication-method=normal", f"--datadir={folder / 'data'}"]
            lab.command(self.name, argv)
        lab.processes.start(self.name, self._argv(lab, folder), user=USER)
        works = lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=90)
        password = lab.password("openstack-monitor")
        rights = "PROCESS, REPLICATION CLIENT, SLAVE MONITOR"
        self._execute(
            lab,
            f"CREATE USER IF NOT EXISTS '{MONITOR}'@'{HOST}' IDENTIFIED BY '{password}';"
            f"GRANT {rights} ON *.* TO '{MONITOR}'@'{HOST}';",
        )
        return works

    def check(self, lab: Lab) -> str:
        names = "('wsrep_local_state_comment', 'wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_ready')"
        try:
            said = self._execute(lab, f"SHOW STATUS WHERE Variable_name IN {names}")
        except LabError as failure:
            raise DownError(str(failure)) from None
        found = dict(line.split("\t") for line in said.splitlines())
        wanted = ("Synced", "Primary", "ON")
        names_of = ("wsrep_local_state_comment", "wsrep_cluster_status", "wsrep_ready")
        if tuple(found.get(name) for name in names_of) != wanted:
            raise DownError(f"{self.name}: {found}")
        return f"one of {found['wsrep_cluster_size']} on {HOST}:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)

    def _argv(self, lab: Lab, folder: Path) -> list[str | Path]:
        others = [name for name in NAMES if name != self.name and lab.processes.pid(name)]
        group = {name: f"{HOST}:{lab.ports[f'{name}:group']}" for name in NAMES}
        provider = {
            "base_host": HOST,
            "base_port": lab.ports[f"{self.name}:group"],
            "gmcast.listen_addr": f"tcp://{group[self.name]}",
            "ist.recv_addr": f"{HOST}:{lab.ports[f'{self.name}:ist']}",
            "gcache.size": "16M",
            # who is silent for that long is out of the cluster; the defaults are 5 and 15 s
            "evs.suspect_timeout": "PT3S",
            "evs.inactive_timeout": "PT6S",
        }
        options = {
            **TABLES,
            "wsrep-on": "ON",
            "wsrep-provider": PROVIDER,
            "wsrep-cluster-name": "argus",
            "wsrep-cluster-address": "gcomm://" + ",".join(group[name] for name in others),
            "wsrep-node-name": self.name,
            "wsrep-node-address": group[self.name],
            "wsrep-sst-method": "rsync",
            "wsrep-sst-receive-address": f"{HOST}:{lab.ports[f'{self.name}:sst']}",
            "wsrep-provider-options": ";".join(f"{name}={value}" for name, value in provider.items()),
        }
        argv: list[str | Path] = ["mariadbd", "--no-defaults", f"--datadir={folder / 'data'}"]
        argv += [f"--socket={self._socket(lab)}", f"--pid-file={folder / 'pid'}"]
        argv += [f"--bind-address={HOST}", f"--port={lab.ports[self.name]}", "--skip-name-resolve"]
        return [*argv, *(f"--{name}={value}" for name, value in options.items())]

    def _socket(self, lab: Lab) -> Path:
        return home(lab) / self.name / "sock"

    def _execute(self, lab: Lab, statements: str) -> str:
        argv: list[str | Path] = ["mariadb", "--no-defaults", "-uroot", "-S", self._socket(lab), "-N", "-B"]
        return lab.command(f"{self.name}-client", argv, stdin=statements, timeout=30)


# the second and third at the same time could each ask the other for data
GALERA: tuple[Component, ...] = (
    GaleraData(),
    *(Member(name, (before,)) for before, name in zip(("galera-data", *NAMES), NAMES, strict=False)),
)
