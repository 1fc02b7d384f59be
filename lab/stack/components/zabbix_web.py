"""The Zabbix frontend and its JSON-RPC API, served by PHP's own web server."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from stack.errors import DownError, LabError
from stack.lab import write_private

if TYPE_CHECKING:
    from stack.lab import Lab

USER = "zabbix"
SOURCE = Path("/usr/share/zabbix")
LOCALE = "en_US.UTF-8"  # the frontend complains on every page when it is missing
CONFIG = """\
<?php
$DB['TYPE'] = 'POSTGRESQL'; $DB['SERVER'] = '127.0.0.1'; $DB['PORT'] = '{db_port}';
$DB['DATABASE'] = '{database}'; $DB['USER'] = 'zabbix'; $DB['PASSWORD'] = '{password}'; $DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false; $DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1'; $ZBX_SERVER_PORT = '{server_port}'; $ZBX_SERVER_NAME = 'Argus lab';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
"""
PHP_SETTINGS = {
    "post_max_size": "64M",
    "memory_limit": "512M",
    "max_execution_time": "300",
    "max_input_time": "300",
    "upload_max_filesize": "16M",
    "date.timezone": "UTC",
}


class ZabbixWeb:
    name = "zabbix-web"
    needs = ("zabbix-server",)

    def start(self, lab: Lab) -> str:
        folder = lab.folder(self.name)
        pages = copy_pages(SOURCE, folder, str(folder / "zabbix.conf.php"))
        text = web_config(lab, "zabbix", lab.ports["zabbix-server"])
        write_private(folder / "zabbix.conf.php", text, owner=USER)
        self._make_locale(lab, folder)
        settings = [word for name, value in PHP_SETTINGS.items() for word in ("-d", f"{name}={value}")]
        lab.processes.start(
            self.name,
            ["php", *settings, "-S", f"127.0.0.1:{lab.ports[self.name]}", "-t", pages],
            env={"PHP_CLI_SERVER_WORKERS": "4", "LOCPATH": str(folder / "locale")},
            user=USER,
        )
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        return api_version(zabbix_url(lab))

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)

    def _make_locale(self, lab: Lab, folder: Path) -> None:
        target = folder / "locale" / LOCALE
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            lab.command(self.name, ["localedef", "-i", "en_US", "-f", "UTF-8", target])


def zabbix_url(lab: Lab) -> str:
    return f"http://127.0.0.1:{lab.ports['zabbix-web']}"


def api_version(url: str) -> str:
    """Which Zabbix answers there. Raises DownError."""
    call = {"jsonrpc": "2.0", "method": "apiinfo.version", "params": [], "id": 1}
    try:
        answer = requests.post(f"{url}/api_jsonrpc.php", json=call, timeout=10)
        version = answer.json()["result"]
    except (requests.RequestException, ValueError, KeyError) as failure:
        raise DownError(f"{url} does not answer: {failure.__class__.__name__}") from None
    return f"Zabbix {version} at {url}"


def web_config(lab: Lab, database: str, server_port: int) -> str:
    return CONFIG.format(
        db_port=lab.ports["postgres"],
        database=database,
        server_port=server_port,
        password=lab.password("zabbix"),
    )


def copy_pages(source: Path, folder: Path, config: str) -> Path:
    """A copy of the frontend that reads `config`: Debian's has the path under /etc in its code."""
    pages = folder / "pages"
    if pages.exists():
        return pages
    if not source.exists():
        raise LabError(f"{source} is missing: is the package zabbix-frontend-php installed?")
    fresh = folder / "pages.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(source, fresh)  # follows links: the relative ones, to the fonts of graphs, would break
    code = fresh / "include/classes/core/CConfigFile.php"
    text, changed = re.subn(r"(CONFIG_FILE_PATH = )'[^']*'", lambda m: f"{m[1]}'{config}'", code.read_text())
    if not changed:
        raise LabError(f"{code} does not say where the configuration is: an unknown version of the frontend")
    code.write_text(text)
    fresh.rename(pages)
    return pages
