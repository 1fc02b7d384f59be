"""A compute node booted by systemd, to run the agent under its real unit: Debian and libvirt in a container.

Beside the lab: no server of the lab knows it. What it writes is in memory and gone when it stops.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stack.components.debian_root import DebianRoot, one_at_a_time
from stack.components.guest_image import initrd, kernel
from stack.components.guest_xml import GUESTS, domain_xml
from stack.errors import DownError, LabError
from stack.lab import TOP
from stack.polling import wait_until
from stack.processes import signal_pid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stack.lab import Lab

SCRIPT = Path(__file__).with_suffix(".sh")
SHARED = Path("/srv/argus")  # the files of the project in there
DISKS = Path("/var/lib/guests")  # in there
PACKAGES = (
    "systemd systemd-sysv systemd-container dbus kmod iproute2 procps python3-venv "
    "libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils redis-server"
)
# Since Debian 13 a package of its own, as most parts of libvirtd.
FURTHER = {"trixie": "libvirt-daemon-driver-storage"}
# libvirt comes when a test starts it, and with it its group; no timer works meanwhile.
DISABLED = (
    "libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket virtlogd.socket "
    "virtlogd-admin.socket virtlockd.socket virtlockd-admin.socket "
    "libvirt-guests.service redis-server.service"
)
MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service "
    "fstrim.timer logrotate.timer console-getty.service"
)
PREPARE = (
    f"systemctl disable -q {DISABLED} && systemctl mask -q {MASKED} && "
    "groupdel libvirt && echo argus-unit > /etc/hostname && rm -f /etc/resolv.conf"
)
BOOT_SECONDS = 60
WHEEL_SECONDS = 300
# What the wheel is made from: elsewhere, as a `build` that an older version left here would go into it.
SOURCES = ("argus", "agents", "setup.cfg", "pyproject.toml", "README.md")
SHIPPED = ("systemd", "etc")  # what README copies to a node

# Two guests of the lab without its bridge, one of them stopped by its quota.
UNIT_GUESTS = tuple(replace(guest, address="", load="cpu5,disk") for guest in GUESTS[:2])


class UnitNodeFiles:
    """What is made once: the Debian, and the wheels of other people that the agent needs."""

    name = "unit-node-files"
    needs = ()

    def start(self, lab: Lab) -> str:
        with one_at_a_time(_folder(lab)):
            _debian().make(lab, _folder(lab))
            _fetch_wheels(lab, _folder(lab) / "wheels")
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        return _debian().check(_folder(lab))

    def stop(self, lab: Lab) -> None:
        """Files only."""


class UnitNode:
    name = "unit-node"
    needs = ("unit-node-files", "guest-image")

    def __init__(self, *, dies_with_us: bool = False) -> None:
        """With `dies_with_us` it ends when this process does, even when that is killed."""
        # nspawn passes TERM on as an orderly shutdown; killed, it would leave them behind
        self._bound = ["setpriv", "--pdeathsig", "TERM"] if dies_with_us else []

    def start(self, lab: Lab) -> str:
        if not lab.processes.pid(self.name):
            self.stop(lab)  # what a node that was killed left
            files = _collect_files(lab)
            argv: list[str | Path] = [*self._bound, "sh", SCRIPT, _group(lab), _folder(lab) / "root", files]
            lab.processes.start(self.name, argv)
        lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=BOOT_SECONDS)
        self.run(lab, "sh", "-ec", _WRITABLE)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        state = self.run(lab, "systemctl", "is-system-running", check=False).stdout.strip()
        if state not in {"running", "degraded"}:
            raise DownError(f"systemd in there says {state or 'nothing'}")
        return f"systemd in there says {state}"

    def stop(self, lab: Lab) -> None:
        """Kill all that runs in there, also without an nspawn; mounts and network go with it."""
        wait_until(lambda: not _kill_members(_group(lab)), 10)
        lab.processes.stop(self.name, timeout=5)
        wait_until(lambda: _remove_groups(_group(lab)), 5)

    def run(
        self, lab: Lab, *argv: str | Path, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in there as root.

        Raises LabError when it fails, DownError when the node is not up.
        """
        done = subprocess.run(
            ["nsenter", f"--target={self._leader(lab)}", *_NAMESPACES, "env", "-i", _PATH, *argv],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise LabError(f"{' '.join(map(str, argv))}: exit code {done.returncode}\n{said}")
        return done

    def _leader(self, lab: Lab) -> int:
        """The pid out here of PID 1 in there."""
        pid = lab.processes.pid(self.name)
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            (leader,) = [pid for pid in children if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"]
        except (FileNotFoundError, ProcessLookupError, ValueError):
            raise DownError("nothing was booted yet") from None
        return int(leader)


_NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--")
_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
# nspawn mounts the hierarchies of v1 read-only; on a machine libvirt makes its groups in them.
_WRITABLE = """
while read -r _ place kind _; do
  [ "$kind" != cgroup ] || mount -o remount,bind,rw "$place"
done </proc/self/mounts
"""


def _folder(lab: Lab) -> Path:
    return lab.run / "unit-node"


def _group(lab: Lab) -> str:
    """Another name for each clone: they may run at once. No dash, which systemd would write otherwise."""
    return f"argusunit{hashlib.sha256(os.fsencode(lab.run)).hexdigest()[:8]}"


def _debian() -> DebianRoot:
    """The suite of this machine: compiled wheels fit its Python and its libvirt."""
    release = Path("/etc/os-release").read_text()
    suite = release.partition("VERSION_CODENAME=")[2].partition("\n")[0]
    if not suite:
        raise LabError("/etc/os-release names no VERSION_CODENAME: is this Debian?")
    packages = f"{PACKAGES} {FURTHER.get(suite, '')}".strip()
    return DebianRoot("unit-node", suite, packages, PREPARE, "own")


def _fetch_wheels(lab: Lab, folder: Path) -> None:
    """Wheels of what the agent and the correlator need, made again when that changed."""
    stamp = folder / "made-from"
    want = hashlib.sha256((TOP / "setup.cfg").read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == want:
        return
    lab.say("unit-node: fetching wheels, and compiling libvirt's binding")
    fresh = folder.with_name("wheels.new")
    shutil.rmtree(fresh, ignore_errors=True)
    _pip_wheel(lab, fresh, "[server]")
    for own in fresh.glob("argus-*.whl"):
        own.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    stamp.write_text(want)


def _pip_wheel(lab: Lab, into: Path, extra: str = "", *options: str) -> None:
    with tempfile.TemporaryDirectory(dir=_folder(lab)) as scratch:
        for name in SOURCES:
            source = TOP / name
            if source.is_dir():
                shutil.copytree(source, Path(scratch) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, scratch)
        argv: Sequence[str | Path] = [lab.bin("python"), "-m", "pip", "wheel", "-q", *options]
        lab.command("unit-node", [*argv, "--wheel-dir", into, f"{scratch}{extra}"], timeout=WHEEL_SECONDS)


def _collect_files(lab: Lab) -> Path:
    """The folder that is /srv/argus in there: a clone as far as a node needs it, the wheels, the guests."""
    files = _folder(lab) / "files"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir()
    for name in SHIPPED:
        shutil.copytree(TOP / name, files / name)
    _pip_wheel(lab, files / "dist", "", "--no-deps")
    shutil.copytree(_folder(lab) / "wheels", files / "wheels", copy_function=os.link)
    for guest in UNIT_GUESTS:
        xml = domain_xml(guest, DISKS / "vmlinuz", DISKS / "initrd.gz", DISKS)
        (files / f"{guest.name}.xml").write_text(xml)
    for image in (kernel(lab), initrd(lab)):
        shutil.copy(image, files)
    return files


def _groups(group: str) -> Iterator[Path]:
    """Our control groups in every hierarchy, as nspawn or systemd made them."""
    return Path("/sys/fs/cgroup").glob(f"**/*{group}*")


def _kill_members(group: str) -> bool:
    """Whether there was something left to kill."""
    pids = {pid for top in _groups(group) for file in top.rglob("cgroup.procs") for pid in _members(file)}
    for pid in pids:
        signal_pid(pid, signal.SIGKILL)
    return bool(pids)


def _members(file: Path) -> list[int]:
    try:
        return [int(word) for word in file.read_text().split()]
    except OSError:  # gone meanwhile, or a threaded group of v2, whose processes its parent lists
        return []


def _remove_groups(group: str) -> bool:
    """Remove the control groups of a node that ended; whether all are gone."""
    left = []
    for top in _groups(group):
        for folder, _, _ in os.walk(top, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                left.append(folder)
    return not left
