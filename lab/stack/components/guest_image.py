"""Kernel and initial file system of the guests, from two Debian packages, unpacked and not installed."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from stack.lab import Lab

INIT = Path(__file__).with_name("guest_init.sh")
# In the order of loading; virtio_ring is what virtio itself needs. Some are built in on some kernels.
MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk",
    "failover", "net_failover", "virtio_net", "virtio_balloon", "rng-core", "virtio-rng",
)  # fmt: skip


class GuestImage:
    name = "guest-image"
    needs: tuple[str, ...] = ()

    def start(self, lab: Lab) -> str:
        folder = lab.folder(self.name)
        if not initrd(lab).exists():
            root = self._unpack(lab, folder)
            image = next((root / "boot").glob("vmlinuz-*"))
            shutil.copyfile(image, kernel(lab))
            fresh = folder / "initrd.new"
            fresh.write_bytes(gzip.compress(_archive(root), compresslevel=1))
            fresh.rename(initrd(lab))
            (folder / "version").write_text(image.name.removeprefix("vmlinuz-"))
            shutil.rmtree(folder / "packages")
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        if not initrd(lab).exists():
            raise DownError("not built")
        return f"Linux {(lab.run / self.name / 'version').read_text()} and busybox"

    def stop(self, lab: Lab) -> None:
        """Files only: nothing runs."""

    def _unpack(self, lab: Lab, folder: Path) -> Path:
        packages = folder / "packages"
        shutil.rmtree(packages, ignore_errors=True)
        packages.mkdir()
        meta = "linux-image-cloud-amd64"
        found = re.search(
            r"Depends: (linux-image-\S+)", lab.command(self.name, ["apt-cache", "depends", meta])
        )
        if not found:  # a machine that was installed from an image may have no package lists yet
            lab.command(self.name, ["apt-get", "update", "-q"], timeout=300)
            found = re.search(
                r"Depends: (linux-image-\S+)", lab.command(self.name, ["apt-cache", "depends", meta])
            )
        if not found:
            raise LabError(f"apt knows no {meta}: is this Debian on amd64?", lab.processes.log(self.name))
        fetch = f"cd {packages} && apt-get download -q {found[1]} busybox-static"
        lab.command(self.name, ["sh", "-c", fetch], timeout=300)
        for package in packages.glob("*.deb"):
            lab.command(self.name, ["dpkg", "-x", package, packages / "root"])
        return packages / "root"


def kernel(lab: Lab) -> Path:
    return lab.run / "guest-image" / "vmlinuz"


def initrd(lab: Lab) -> Path:
    return lab.run / "guest-image" / "initrd.gz"


def _archive(root: Path) -> bytes:
    """The guest's root: cpio "newc", Documentation/driver-api/early-userspace/buffer-format.rst."""
    busybox = next(path for path in (root / "bin/busybox", root / "usr/bin/busybox") if path.exists())
    found = {path.name.split(".")[0]: path for path in root.rglob("*.ko*")}
    modules = [name for name in MODULES if name in found]
    files = {
        "init": INIT.read_bytes(),
        "bin/busybox": busybox.read_bytes(),
        "modules/order": "\n".join(modules).encode(),
        **{f"modules/{name}.ko": _module(found[name]) for name in modules},
    }
    out = io.BytesIO()
    for number, name in enumerate(("bin", "modules", "dev"), start=1):
        _entry(out, number, name, stat.S_IFDIR | 0o755)
    _entry(out, 10, "bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    for number, (name, content) in enumerate(files.items(), start=20):
        _entry(out, number, name, stat.S_IFREG | 0o755, content)
    _entry(out, 0, "TRAILER!!!", 0)
    return out.getvalue()


def _entry(out: io.BytesIO, inode: int, name: str, mode: int, content: bytes = b"") -> None:
    words = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    out.write(b"070701" + "".join(f"{word:08x}" for word in words).encode() + name.encode() + b"\0")
    out.write(bytes(-out.tell() % 4))
    out.write(content)
    out.write(bytes(-out.tell() % 4))


def _module(path: Path) -> bytes:
    """Debian 13 compresses kernel modules with xz, Debian 12 does not."""
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
