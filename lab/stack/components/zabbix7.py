"""Zabbix 7.0 beside the lab's 6.0: Debian 13's packages in a directory, by chroot, on the lab's PostgreSQL.

On Debian 13 itself, whose own Zabbix is 7.0, the lab has it anyway.
"""

from __future__ import annotations

import io
import json
import os
from configparser import ConfigParser
from typing import TYPE_CHECKING

from stack.components.agent import write_node_config
from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER, argus_config
from stack.components.daemon import Daemon
from stack.components.debian_root import DebianRoot, one_at_a_time
from stack.components.zabbix_server import SCHEMA, load_schema, server_config
from stack.components.zabbix_web import PHP_SETTINGS, SOURCE, api_version, copy_pages, web_config
from stack.errors import DownError
from stack.lab import write_private
from stack.ports import answers

if TYPE_CHECKING:
    from pathlib import Path

    from stack.components.libvirtd import Libvirtd
    from stack.lab import Lab

DEBIAN = DebianRoot(
    "zabbix7-packages",
    "trixie",
    # php-cgi keeps apache out
    "zabbix-server-pgsql zabbix-frontend-php php-cli php-cgi php-pgsql locales",
    "localedef -i en_US -f UTF-8 en_US.UTF-8",  # without, every page is full of complaints
    "zabbix7",
)
DATABASE = "zabbix7"


def root(lab: Lab) -> Path:
    return lab.run / "zabbix7" / "root"


def in_root(lab: Lab, *argv: str | Path) -> list[str | Path]:
    return ["chroot", "--userspec=zabbix:zabbix", root(lab), *argv]


class Zabbix7Packages:
    """A minimal Debian 13 with Zabbix, made once."""

    name = "zabbix7-packages"
    needs = ()

    def start(self, lab: Lab) -> str:
        with one_at_a_time(root(lab).parent):
            DEBIAN.make(lab, root(lab).parent)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        return f"{DEBIAN.check(root(lab).parent)}, with Zabbix"

    def stop(self, lab: Lab) -> None:
        """Files only."""


def zabbix_ids(lab: Lab) -> tuple[int, int]:
    """User and group of zabbix in there, which are others than outside."""
    lines = (root(lab) / "etc/passwd").read_text().splitlines()
    fields = next(line.split(":") for line in lines if line.startswith("zabbix:"))
    return int(fields[2]), int(fields[3])


def _write_for_zabbix(lab: Lab, path: Path, text: str) -> None:
    write_private(path, text)
    os.chown(path, *zabbix_ids(lab))


class Zabbix7Server:
    name = "zabbix7-server"
    needs = ("zabbix7-packages", "postgres")

    def start(self, lab: Lab) -> str:
        load_schema(lab, DATABASE, root(lab) / SCHEMA.relative_to("/"))
        text = server_config(lab, self.name, DATABASE, "/srv")
        folder = root(lab) / "srv"
        os.chown(folder, *zabbix_ids(lab))
        _write_for_zabbix(lab, folder / "zabbix_server.conf", text)
        argv = in_root(lab, "/usr/sbin/zabbix_server", "-f", "-c", "/srv/zabbix_server.conf")
        lab.processes.start(self.name, argv)
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        if not answers(lab.ports[self.name]):
            raise DownError(f"nothing listens on 127.0.0.1:{lab.ports[self.name]}")
        return f"trapper on 127.0.0.1:{lab.ports[self.name]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


class Zabbix7Web:
    name = "zabbix7-web"
    needs = ("zabbix7-server",)

    def start(self, lab: Lab) -> str:
        folder = root(lab) / "srv"
        copy_pages(root(lab) / SOURCE.relative_to("/"), folder, "/srv/zabbix.conf.php")
        text = web_config(lab, DATABASE, lab.ports["zabbix7-server"])
        _write_for_zabbix(lab, folder / "zabbix.conf.php", text)
        settings = [word for name, value in PHP_SETTINGS.items() for word in ("-d", f"{name}={value}")]
        address = f"127.0.0.1:{lab.ports[self.name]}"
        argv = in_root(lab, "/usr/bin/php", *settings, "-S", address, "-t", "/srv/pages")
        lab.processes.start(self.name, argv, env={"PHP_CLI_SERVER_WORKERS": "4"})
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        return api_version(zabbix7_url(lab))

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


def zabbix7_url(lab: Lab) -> str:
    return f"http://127.0.0.1:{lab.ports['zabbix7-web']}"


def zabbix7_config(lab: Lab) -> Path:
    return lab.run / "argus-zabbix7.conf"


def zabbix7_env(lab: Lab) -> dict[str, str]:
    """What differs from lab/run/env for somebody who talks to this Zabbix."""
    return {
        "ZABBIX_URL": zabbix7_url(lab),
        "ZABBIX_SERVER": f"127.0.0.1:{lab.ports['zabbix7-server']}",
        "ARGUS_CONFIG": str(zabbix7_config(lab)),
    }


class Zabbix7Setup:
    """Argus' configuration for this Zabbix, with a database of its own, and what Argus needs in it."""

    name = "zabbix7-setup"
    needs = ("zabbix7-web",)

    def start(self, lab: Lab) -> str:
        write_private(zabbix7_config(lab), _config(lab))
        env = {"ARGUS_CONFIG": str(zabbix7_config(lab))}
        lab.command(self.name, [lab.bin("argus"), "db", "upgrade"], env=env)
        admin = {"ZABBIX_USER": ZABBIX_USER, "ZABBIX_PASSWORD": ZABBIX_PASSWORD}
        apply: list[str | Path] = [lab.bin("argus"), "zabbix", "apply", "--format", "json"]
        done = lab.command(self.name, apply, env={**env, **admin})
        return f"{len(json.loads(done))} things made or changed"

    def check(self, lab: Lab) -> str:
        if not zabbix7_config(lab).exists():
            raise DownError(f"{zabbix7_config(lab)} is missing")
        return str(zabbix7_config(lab))

    def stop(self, lab: Lab) -> None:
        """Files, tables and templates only: nothing runs."""


def _config(lab: Lab) -> str:
    """The lab's, for this Zabbix; it mails nobody, as tests count the lab's mails."""
    folder = lab.run / "zabbix7"
    server = f"127.0.0.1:{lab.ports['zabbix7-server']}"
    ours = {
        ("zabbix", "url"): zabbix7_url(lab),
        ("zabbix", "token_file"): str(folder / "token"),
        ("zabbix", "servers"): server,
        ("zabbix", "fallback_recipients"): "oncall@lab.invalid",
        ("database", "url"): f"sqlite:///{folder / 'argus.db'}",
        ("guests", "interval"): "5",
    }
    theirs = {("database", "url_file"), ("smtp", "recipients"), ("exporter", "listen")}
    config = ConfigParser(interpolation=None)
    config.read(argus_config(lab))
    for section, name in theirs:
        config.remove_option(section, name)
    for (section, name), value in ours.items():
        if not config.has_section(section):
            config.add_section(section)
        config.set(section, name, value)
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def correlator7() -> Daemon:
    """The correlator of a small site: one process on SQLite, for this Zabbix."""

    def argv(lab: Lab) -> list[str | Path]:
        return [lab.bin("argus"), "--config-file", zabbix7_config(lab), "run"]

    def ask(lab: Lab) -> str:
        return f"log {lab.processes.log('zabbix7-correlator')}"

    return Daemon("zabbix7-correlator", ("zabbix7-setup",), argv, ask)


def agent7(node: Libvirtd) -> Daemon:
    """A second agent on the lab's node, which sends to this Zabbix; it serves no /metrics."""
    name = "zabbix7-agent"

    def argv(lab: Lab) -> list[str | Path]:
        path = lab.run / "agent-zabbix7.conf"
        write_node_config(lab, path, node, zabbix=lab.ports["zabbix7-server"], listen="")
        return [lab.bin("argus-agent"), "--config-file", path]

    def ask(lab: Lab) -> str:
        return f"log {lab.processes.log(name)}"

    return Daemon(name, ("zabbix7-setup", node.name), argv, ask)
