"""One process of the control plane, and one step that ends (a database's schema)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from stack.components.openstack.packages import STAMP
from stack.components.openstack.settings import etc, home, public_url, url, venv
from stack.errors import DownError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.lab import Lab

READY_SECONDS = 180  # each imports for seconds, and a dozen start side by side
Words = tuple[str, ...]


def environment(lab: Lab) -> dict[str, str]:
    return {
        "PATH": f"{venv(lab) / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "",  # empty is unset: compiling anew costs seconds at each start
        "PYTHONPATH": "",
    }


def is_running(name: str) -> Callable[[Lab], str]:
    """For what answers on no port; that it reports is what `openstack-ready` asks."""

    def ask(lab: Lab) -> str:
        return f"pid {lab.processes.pid(name)}, log {lab.processes.log(name)}"

    return ask


def answers_at(port: str, path: str = "/", *, balanced: bool = True) -> Callable[[Lab], str]:
    """Any answer of the API itself will do, 300 and 401 too; through the balancer when there is one."""

    def ask(lab: Lab) -> str:
        address = (public_url if balanced else url)(lab, port) + path
        try:
            status = requests.get(address, timeout=5).status_code
        except requests.RequestException as failure:
            raise DownError(f"{address} does not answer: {failure.__class__.__name__}") from None
        if status >= requests.codes.server_error:
            raise DownError(f"{address} answers {status}")
        return address

    return ask


@dataclass(frozen=True, slots=True)
class Service:
    """A program of the venv, in a process of its own."""

    name: str
    needs: Words
    argv: Callable[[Lab], list[str | Path]]
    ask: Callable[[Lab], str] | None = None
    files: Words = ()  # below etc/: when one changes, `up` restarts the process
    env: Callable[[Lab], dict[str, str]] = field(default=lambda _lab: {})

    def start(self, lab: Lab) -> str:
        argv = self.argv(lab)
        argv[0] = venv(lab) / "bin" / str(argv[0])
        digest = hashlib.sha256(repr([str(word) for word in argv]).encode())
        for file in self.files:
            digest.update((etc(lab) / file).read_bytes())
        env = {**environment(lab), **self.env(lab)}
        lab.processes.start(self.name, argv, env=env, fingerprint=digest.hexdigest())
        return lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=READY_SECONDS)

    def check(self, lab: Lab) -> str:
        if lab.processes.pid(self.name) is None:
            raise DownError(f"does not run; its log is {lab.processes.log(self.name)}")
        return (self.ask or is_running(self.name))(lab)

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name, timeout=5)


def configured(program: str, *files: str) -> Callable[[Lab], list[str | Path]]:
    """The program with these files of etc/."""

    def argv(lab: Lab) -> list[str | Path]:
        return [program, *(word for file in files for word in ("--config-file", etc(lab) / file))]

    return argv


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of a service, made or migrated once for each version of the venv."""

    name: str
    needs: Words
    file: str  # below etc/
    commands: Callable[[Lab], list[list[str | Path]]]  # a program of the venv, and what follows --config-file
    env: Callable[[Lab], dict[str, str]] = field(default=lambda _lab: {})

    def start(self, lab: Lab) -> str:
        mark, stamp = self._mark(lab), (venv(lab) / STAMP).read_text()
        if mark.exists() and mark.read_text() == stamp:
            return "as the last start left it"
        for program, *words in self.commands(lab):
            argv = [venv(lab) / "bin" / str(program), "--config-file", etc(lab) / self.file, *words]
            lab.command(self.name, argv, env={**environment(lab), **self.env(lab)}, timeout=300)
        mark.write_text(stamp)
        return f"migrated by {len(self.commands(lab))} commands"

    def check(self, lab: Lab) -> str:
        if not self._mark(lab).exists():
            raise DownError(f"not made; the log is {lab.processes.log(self.name)}")
        return "made"

    def stop(self, lab: Lab) -> None:
        """Tables only."""

    def _mark(self, lab: Lab) -> Path:
        return home(lab) / f".{self.name}"
