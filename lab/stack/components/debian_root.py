"""A Debian of its own in a directory, by debootstrap; made once, for zabbix7 and unit_node."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.lab import Lab

DEFAULT_MIRROR = "http://deb.debian.org/debian"
INSTALL_SECONDS = 600
STAMP = "made-from"  # beside the root


@dataclass(frozen=True, slots=True)
class DebianRoot:
    """Packages of one suite in ``folder``/root, and a shell command that runs in there at the end."""

    name: str  # of the log
    suite: str
    packages: str
    after: str
    skip: str  # the word for `./lab/test --skip`

    def make(self, lab: Lab, folder: Path) -> None:
        """Make it unless it is there, made from the same."""
        if self._is_made(folder):
            return
        if not shutil.which("debootstrap"):
            raise LabError(
                f"debootstrap is missing: apt-get install debootstrap, or ./lab/test --skip {self.skip}"
            )
        fresh = folder / "root.new"
        shutil.rmtree(fresh, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        lab.say(f"{self.name}: a minimal Debian {self.suite} by debootstrap, once (a minute)")
        mirror = mirrors(Path("/etc/apt"))
        lab.command(
            self.name,
            ["debootstrap", "--variant=minbase", self.suite, fresh, mirror],
            timeout=INSTALL_SECONDS,
        )
        (fresh / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (fresh / "usr/sbin/policy-rc.d").chmod(0o755)
        shutil.copy("/etc/resolv.conf", fresh / "etc/resolv.conf")
        apt = "apt-get -q -o Acquire::Retries=3"
        install = f"{apt} update && DEBIAN_FRONTEND=noninteractive {apt} install -y --no-install-recommends"
        # /proc is mounted in a namespace of its own: it is gone when the command ends, however it ends
        script = 'mount -t proc proc "$0/proc" && exec chroot "$0" sh -ec "$1"'
        argv: list[str | Path] = ["unshare", "--mount", "sh", "-ec", script, fresh]
        lab.say(f"{self.name}: installing its packages")
        argv.append(f"{install} {self.packages} && {self.after} && {apt} clean")
        lab.command(self.name, argv, timeout=INSTALL_SECONDS)
        shutil.rmtree(folder / "root", ignore_errors=True)
        fresh.rename(folder / "root")
        (folder / STAMP).write_text(self._recipe())

    def check(self, folder: Path) -> str:
        """Raises DownError when it is not there."""
        if not self._is_made(folder):
            raise DownError(f"{folder}/root is not made")
        return f"Debian {self.suite} in {folder}/root"

    def _is_made(self, folder: Path) -> bool:
        try:
            return (folder / "root").is_dir() and (folder / STAMP).read_text() == self._recipe()
        except FileNotFoundError:
            return False

    def _recipe(self) -> str:
        return f"{self.suite}\n{self.packages}\n{self.after}\n"


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Two commands that want the same files make them once; the lock goes with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def mirrors(apt: Path) -> str:
    """The mirror that this machine installs Debian from, else Debian's own."""
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("debian*.sources"))]
    words = " ".join(file.read_text() for file in files if file.exists()).split()
    return next(
        (w for w in words if w.startswith("http") and w.rstrip("/").endswith("/debian")), DEFAULT_MIRROR
    )
