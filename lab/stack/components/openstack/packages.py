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
from pathlib import Path
from typing import TYPE_CHECKING

from stack.components.openstack.settings import home, venv
from stack.errors import DownError
from stack.lab import TOP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.lab import Lab

CLOUD = TOP / "lab" / "cloud"
REQUIREMENTS = CLOUD / "requirements.txt"
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


class OpenstackVenv:
    """OpenStack's services as the list pins them; made again when the list or the interpreter changed."""

    name = "openstack-venv"
    needs = ()

    def start(self, lab: Lab) -> str:
        stamp, want = venv(lab) / ".lab-stamp", self._want()
        home(lab).mkdir(parents=True, exist_ok=True)
        with (home(lab) / "install.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two commands started at once install once
            if not stamp.exists() or stamp.read_text() != want:
                with progress(lab, self.name):
                    self._install(lab)
                stamp.write_text(want)
        # nova looks for drivers in its own package only
        drivers = next(venv(lab).glob("lib/python3*/site-packages/nova/virt"))
        shutil.copy(CLOUD / "argus_fake.py", drivers)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        if not (venv(lab) / ".lab-stamp").exists():
            raise DownError(f"{venv(lab)} is missing or not complete")
        packages = sum(1 for _ in venv(lab).glob("lib/python3*/site-packages/*.dist-info"))
        return f"{packages} Python packages in {venv(lab)}"

    def stop(self, lab: Lab) -> None:
        """Files only."""

    def _want(self) -> str:
        parts = (REQUIREMENTS.read_bytes(), str(PYTHON.resolve()).encode())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()

    def _install(self, lab: Lab) -> None:
        python = venv(lab) / "bin" / "python"
        pip: list[str | Path] = [python, "-m", "pip", "install", "-q", "--retries", "3"]
        lab.command(self.name, [PYTHON, "-m", "venv", "--clear", venv(lab)])
        lab.command(self.name, [*pip, UV], timeout=INSTALL_SECONDS)
        install: list[str | Path] = ["install", "--python", python, "-r", REQUIREMENTS]
        env = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the machine's certificates; newer and older uv
        lab.command(self.name, [venv(lab) / "bin" / "uv", "pip", *install], env=env, timeout=INSTALL_SECONDS)


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
