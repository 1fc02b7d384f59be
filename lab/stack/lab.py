"""What every component of the lab needs to know: where things are, which ports and passwords, what runs."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from stack.errors import LabError
from stack.polling import wait_until
from stack.ports import Ports
from stack.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")
TOP = Path(__file__).resolve().parents[2]
# sun_path holds 107 bytes; the longest below run/ is the socket of Zabbix' preprocessing or libvirt's
LONGEST_RUN = 68
SECRETS = "secrets.json"
PASSWORDS = (
    "postgres", "zabbix", "argus", "redis",
    "mariadb", "rabbitmq", "heat",
    "openstack-admin", "openstack-service", "openstack-monitor", "openstack-reader",
)  # fmt: skip


class Component(Protocol):
    """One part of the lab. A new one is a file in components/ and a line in registry.py."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of components that must work before this one starts."""

    def start(self, lab: Lab) -> str:
        """Bring it up, or find it up; returns a few words for the person who watches. Raises LabError."""

    def check(self, lab: Lab) -> str:
        """One line of truth, asked from the component itself. Raises DownError when it does not work."""

    def stop(self, lab: Lab) -> None:
        """Stop what start() started; nothing when nothing runs."""


@dataclass(frozen=True, slots=True)
class Lab:
    run: Path
    ports: Ports
    processes: Processes
    libvirt: str | None = None  # somebody else's libvirtd to watch instead of our own
    given_up: threading.Event = field(default_factory=threading.Event)  # another step has failed

    @classmethod
    def open(cls, run: Path = TOP / "lab" / "run") -> Lab:
        """The lab as the last `up` left it."""
        if len(str(run)) > LONGEST_RUN:
            raise LabError(
                f"the path {run} is too long for Unix sockets below it: at most {LONGEST_RUN} characters, "
                "clone into a shorter path"
            )
        run.mkdir(parents=True, exist_ok=True)
        lab = cls(run, Ports(run / "ports.json"), Processes(run))
        if not lab.options_file.exists():
            return lab
        return replace(lab, libvirt=json.loads(lab.options_file.read_text())["libvirt"])

    @property
    def options_file(self) -> Path:
        """What `up` was told, for the commands that follow."""
        return self.run / "options.json"

    def forget_options(self) -> None:
        self.options_file.unlink(missing_ok=True)

    def prepare(self) -> None:
        """Settle ports and passwords before the first component starts."""
        self.ports.choose(self.processes.pid)
        file = self.run / SECRETS
        known = json.loads(file.read_text()) if file.exists() else {}
        fresh = {name: secrets.token_urlsafe(18) for name in PASSWORDS if name not in known}
        if fresh:
            write_private(file, json.dumps({**known, **fresh}))

    def bin(self, command: str) -> Path:
        """A console script of .venv."""
        return Path(sys.prefix) / "bin" / command

    def folder(self, name: str, owner: str = "root", mode: int = 0o755) -> Path:
        """A directory below run/ that belongs to a Unix user."""
        path = self.run / name
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        user = pwd.getpwnam(owner)
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(mode)
        return path

    def password(self, name: str) -> str:
        """A password of this lab, made by prepare()."""
        return str(json.loads((self.run / SECRETS).read_text())[name])

    def say(self, text: str) -> None:
        """Progress inside a step."""
        tell(f"           {text}")

    def wait_until(self, predicate: Callable[[], T], timeout: float, every: float = 0.1) -> T | None:
        """The first true answer, None after `timeout` seconds; raises LabError when it is in vain."""

        def ask() -> T | None:
            if self.given_up.is_set():
                raise LabError("given up, since another step failed")
            return predicate()

        return wait_until(ask, timeout, every)

    def command(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 120,
    ) -> str:
        """Run a command to its end, its output also in the log of `name`.

        Returns: standard output. Raises LabError with the log when it fails.
        """
        log = self.processes.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        program = Path(argv[0]).name
        try:
            done = subprocess.run(
                [str(word) for word in argv],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
                input=stdin,
                env={**os.environ, "LANG": "C.UTF-8", **(env or {})},
            )
        except FileNotFoundError:
            raise LabError(f"the command {argv[0]} is missing") from None
        except subprocess.TimeoutExpired:
            raise LabError(f"{program} did not end within {timeout:g} s", log) from None
        with log.open("a") as out:
            out.write(done.stdout + done.stderr)
        if done.returncode:
            raise LabError(f"{program} ended with exit code {done.returncode}", log)
        return done.stdout


def tell(text: str) -> None:
    """Print a whole line at once: steps run side by side."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_private(path: Path, text: str, owner: str = "root") -> Path:
    """Write a file that only its owner can read, replaced as a whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    shutil.chown(fresh, owner)
    fresh.rename(path)
    return path
