"""A compute node: a privileged libvirtd of its own in private mount, host name and network namespaces."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import libvirt

from stack.components.guest_xml import GUESTS
from stack.errors import DownError
from stack.polling import wait_until, within
from stack.processes import signal_pid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.lab import Lab

NODE_SCRIPT = Path(__file__).with_name("node.sh")
CONFIG = """\
host_uuid = "{uuid}"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_group = "root"
log_outputs = "2:stderr"
"""
# No virtlogd and no security driver: nothing of that kind runs beside us. No mount namespace for
# each guest: our own is private already.
QEMU_CONFIG = """\
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = []
stdio_handler = "file"
"""


class Libvirtd:
    """The node `name`; its socket lies outside the namespaces, so agents and virsh reach it from anywhere."""

    needs: tuple[str, ...] = ()

    def __init__(self, name: str, probed_by: Libvirtd | None = None) -> None:
        """With `probed_by`, what that node learnt about QEMU is taken over; learning it takes 8 s."""
        self.name = name
        self._probed_by = probed_by

    def folder(self, lab: Lab) -> Path:
        return lab.run / self.name

    def uri(self, lab: Lab) -> str:
        return f"qemu:///system?socket={self.folder(lab)}/run/libvirt-sock"

    def start(self, lab: Lab) -> str:
        folder = self.folder(lab)
        for place in ("run", "lib", "log", "cache", "etc"):
            (folder / place).mkdir(parents=True, exist_ok=True)
        if self._probed_by:
            shutil.copytree(self._probed_by.folder(lab) / "cache", folder / "cache", dirs_exist_ok=True)
        machine = uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.name}.argus-lab")
        (folder / "libvirtd.conf").write_text(CONFIG.format(uuid=machine))
        (folder / "etc" / "qemu.conf").write_text(QEMU_CONFIG)
        lab.processes.start(
            self.name, ["unshare", "--mount", "--uts", "--net", "bash", NODE_SCRIPT, self.name, folder]
        )
        # the first call probes what QEMU can, which takes 8 s
        return lab.processes.wait_ready(
            self.name, lambda: within(60, lambda: self._describe(lab)), timeout=90
        )

    def check(self, lab: Lab) -> str:
        return within(5, lambda: self._describe(lab))

    def stop(self, lab: Lab) -> None:
        for pid in self.guest_pids(lab):  # killed: libvirt's own destroy takes 2 s for each guest
            signal_pid(pid, signal.SIGKILL)
        wait_until(lambda: not list(self.guest_pids(lab)), 5)
        lab.processes.stop(self.name)
        _remove_cgroups()

    def guest_pids(self, lab: Lab) -> Iterator[int]:
        """The QEMU processes of this node, by libvirt's own pid files."""
        for file in (self.folder(lab) / "run" / "qemu").glob("*.pid"):
            try:
                pid = int(file.read_text())
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError, ValueError):
                continue
            # ours only: a recycled pid is another program, or the guest of another clone
            if b"qemu-system" in words[0] and any(os.fsencode(lab.run) in word for word in words):
                yield pid

    def _describe(self, lab: Lab) -> str:
        try:
            connection = libvirt.open(self.uri(lab))
            guests = connection.numOfDomains()
            version, qemu = (_dotted(n) for n in (connection.getLibVersion(), connection.getVersion()))
            connection.close()
        except libvirt.libvirtError as failure:
            raise DownError(str(failure)) from None
        return f"libvirt {version}, QEMU {qemu}, {guests} guests running; {self.uri(lab)}"


def _dotted(number: int) -> str:
    """As libvirt numbers its versions: major * 1,000,000 + minor * 1,000 + release."""
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"


def _remove_cgroups() -> None:
    """Remove the control groups of the lab's dead guests; the kernel keeps those that are in use."""
    for machine in Path("/sys/fs/cgroup").glob("**/machine"):
        for guest in GUESTS:
            for group in machine.glob(f"qemu-*-{guest.name}.libvirt-qemu"):
                for folder, _, _ in os.walk(group, topdown=False):
                    _rmdir_unless_used(Path(folder))
        _rmdir_unless_used(machine)


def _rmdir_unless_used(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # in use: by a guest of another clone, or by whoever else has machines here
        return
