"""Zabbix proxies: Debian's package, unpacked beside the server, since the two packages conflict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.components.zabbix_server import USER
from stack.components.zabbix_web import zabbix_url
from stack.errors import DownError, LabError
from stack.lab import write_private
from stack.ports import answers
from stack.zabbix_api import open_api

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab

PACKAGE = "zabbix-proxy-sqlite3"
CONFIG_SECONDS = 5
"""How often a proxy asks the server which hosts are its own; until then it takes none of their values."""
CONFIG = """\
ProxyMode=0
Server=127.0.0.1
ServerPort={server}
Hostname={name}
ListenIP=127.0.0.1
ListenPort={port}
DBName={folder}/proxy.db
LogType=console
PidFile={folder}/daemon.pid
SocketDir={folder}
ConfigFrequency={seconds}
StartPollers=1
StartPollersUnreachable=1
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartTrappers=2
StartPreprocessors=1
StartDBSyncers=1
CacheSize=64M
"""
_ACTIVE_6, _ACTIVE_7 = 5, 0  # proxy.status of 6.0, proxy.operating_mode of 7.0


def program(lab: Lab) -> Path:
    return lab.run / PACKAGE / "usr/sbin/zabbix_proxy"


class ProxyPackage:
    """The proxy's program, without its maintainer scripts."""

    name = "zabbix-proxy-package"
    needs = ()

    def start(self, lab: Lab) -> str:
        if not program(lab).exists():
            folder = lab.folder(PACKAGE)
            lab.command(self.name, ["sh", "-ec", f"cd {folder} && apt-get download -q {PACKAGE}"])
            found = sorted(folder.glob(f"{PACKAGE}_*.deb"))
            if not found:
                raise LabError(f"apt-get download {PACKAGE} brought no package", lab.processes.log(self.name))
            lab.command(self.name, ["dpkg", "-x", found[-1], folder])
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        if not program(lab).exists():
            raise DownError(f"{program(lab)} is missing")
        return str(program(lab))

    def stop(self, lab: Lab) -> None:
        """Files only."""


@dataclass(frozen=True, slots=True)
class ZabbixProxy:
    """An active proxy, known to the server under its name."""

    name: str
    needs: tuple[str, ...] = ("zabbix-proxy-package", "zabbix-server", "zabbix-web")

    def start(self, lab: Lab) -> str:
        self._introduce(lab)
        folder = lab.folder(self.name, owner=USER)
        text = CONFIG.format(
            name=self.name,
            folder=folder,
            server=lab.ports["zabbix-server"],
            port=lab.ports[self.name],
            seconds=CONFIG_SECONDS,
        )
        config = write_private(folder / "zabbix_proxy.conf", text, owner=USER)
        lab.processes.start(self.name, [program(lab), "-f", "-c", config], user=USER)
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        if not answers(lab.ports[self.name]):
            raise DownError(f"nothing listens on 127.0.0.1:{lab.ports[self.name]}")
        return f"trapper on 127.0.0.1:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)

    def _introduce(self, lab: Lab) -> None:
        with open_api(zabbix_url(lab), ZABBIX_USER, ZABBIX_PASSWORD) as api:
            since_7 = api.api_version().startswith("7.")
            name = {"name" if since_7 else "host": self.name}
            if not api.proxy.get(output=["proxyid"], filter=name):
                mode = {"operating_mode": _ACTIVE_7} if since_7 else {"status": _ACTIVE_6}
                api.proxy.create(**name, **mode)
