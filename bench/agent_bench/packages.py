"""The other collectors, from Debian packages that are downloaded and unpacked, never installed."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from stack.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

# collectd's write_prometheus plugin needs the last two; each tuple is one package under its names over time.
PACKAGES = (
    ("prometheus-libvirt-exporter",),
    ("collectd-core",),
    ("libmicrohttpd12", "libmicrohttpd12t64"),
    ("libprotobuf-c1",),
)


class Packages:
    """What is below ``folder`` as if it were the root of the file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder / "root"

    def path(self, name: str) -> Path:
        return self._root / name

    def libraries(self) -> str:
        """The value of LD_LIBRARY_PATH that finds the unpacked libraries."""
        return ":".join(sorted({str(path.parent) for path in self._root.glob("usr/lib/*/lib*.so.*")}))

    def version(self, package: str) -> str:
        """The upstream version, ``5.12.0``, without Debian's epoch and revision."""
        deb = next(iter(self._folder.glob(f"{package}_*.deb")))
        full = _run(["dpkg-deb", "--field", str(deb), "Version"], self._folder).strip()
        return re.sub(r"^\d+:|-[^-]*$", "", full)

    def fetch(self) -> None:
        """Download and unpack what is not there yet.  Raises ``LabError``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for names in PACKAGES:
            if not any(any(self._folder.glob(f"{name}_*.deb")) for name in names):
                self._fetch_one(names)

    def _fetch_one(self, names: tuple[str, ...]) -> None:
        known = [name for name in names if "Candidate:" in _run(["apt-cache", "policy", name], self._folder)]
        if not known:
            raise LabError(f"Debian has no package {' or '.join(names)}; run apt-get update")
        _run(["apt-get", "-q", "download", known[-1]], self._folder)
        deb = next(iter(self._folder.glob(f"{known[-1]}_*.deb")))
        _run(["dpkg-deb", "--extract", str(deb), str(self._root)], self._folder)


def _run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
