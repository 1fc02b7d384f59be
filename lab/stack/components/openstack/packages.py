"""What the control plane consists of: Debian packages below it, and a venv of its own from a locked list."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.components.openstack.settings import home, venv
from stack.errors import DownError
from stack.lab import TOP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stack.lab import Lab

CLOUD = TOP / "lab" / "cloud"
BUILD = CLOUD / "build-constraints.txt"  # for what has no wheel
STAMP = ".lab-stamp"
PYTHON = Path("/usr/bin/python3")  # Debian's
PROGRAMS = ("mariadbd", "rabbitmq-server", "epmd", "haproxy", "memcached", "keepalived")
INSTALL_SECONDS = 900
UV = "uv>=0.5"  # pip takes minutes where uv takes 30 s


class OpenstackPackages:
    """MariaDB, RabbitMQ, HAProxy, memcached and keepalived; their own services are not started."""

    name = "openstack-packages"
    needs = ()

    def start(self, lab: Lab) -> str:
        if self._missing():
            script = '. "$0" && bootstrap_openstack'
            with progress(lab, self.name):
                argv: list[str | Path] = ["bash", "-c", script, TOP / "lab" / "bootstrap.sh"]
                lab.command(self.name, argv, timeout=INSTALL_SECONDS)
        return self.check(lab)

    def check(self, _lab: Lab) -> str:
        if missing := self._missing():
            raise DownError(f"not installed: {', '.join(missing)}")
        return f"Debian's {', '.join(PROGRAMS)}"

    def stop(self, lab: Lab) -> None:
        """Files only."""

    def _missing(self) -> list[str]:
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        return [program for program in PROGRAMS if not shutil.which(program, path=path)]


@dataclass(frozen=True, slots=True)
class LockedVenv:
    """What a list pins, in a venv of its own; made again when the list or the interpreter changed."""

    name: str
    folder: Callable[[Lab], Path]
    requirements: Path
    then: Callable[[Lab], None] = lambda _lab: None
    needs: tuple[str, ...] = ()

    def start(self, lab: Lab) -> str:
        stamp, want = self.folder(lab) / STAMP, self._want()
        home(lab).mkdir(parents=True, exist_ok=True)
        with (home(lab) / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two commands started at once install once
            if not stamp.exists() or stamp.read_text() != want:
                with progress(lab, self.name):
                    self._install(lab)
                stamp.write_text(want)
        self.then(lab)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        if not (self.folder(lab) / STAMP).exists():
            raise DownError(f"{self.folder(lab)} is missing or not complete")
        packages = sum(1 for _ in self.folder(lab).glob("lib/python3*/site-packages/*.dist-info"))
        return f"{packages} Python packages in {self.folder(lab)}"

    def stop(self, lab: Lab) -> None:
        """Files only."""

    def _want(self) -> str:
        parts = (self.requirements.read_bytes(), str(PYTHON.resolve()).encode())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def _install(self, lab: Lab) -> None:
        python = self.folder(lab) / "bin" / "python"
        pip: list[str | Path] = [python, "-m", "pip", "install", "-q", "--retries", "3"]
        lab.command(self.name, [PYTHON, "-m", "venv", "--clear", self.folder(lab)])
        lab.command(self.name, [*pip, UV], timeout=INSTALL_SECONDS)
        install: list[str | Path] = ["install", "--python", python, "-r", self.requirements]
        install += ["--build-constraints", BUILD]
        env = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the machine's certificates; newer and older uv
        argv = [self.folder(lab) / "bin" / "uv", "pip", *install]
        lab.command(self.name, argv, env=env, timeout=INSTALL_SECONDS)


def _add_driver(lab: Lab) -> None:
    """Nova looks for drivers in its own package only."""
    drivers = next(venv(lab).glob("lib/python3*/site-packages/nova/virt"))
    shutil.copy(CLOUD / "argus_fake.py", drivers)


OPENSTACK_VENV = LockedVenv("openstack-venv", venv, CLOUD / "requirements.txt", _add_driver)


@contextmanager
def progress(lab: Lab, name: str, every: float = 15) -> Iterator[None]:
    """Say that a long step is still at work."""
    done = threading.Event()
    begin = time.monotonic()

    def tell() -> None:
        while not done.wait(every):
            lab.say(f"{name}: installing, {time.monotonic() - begin:.0f} s")
            sys.stdout.flush()

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
