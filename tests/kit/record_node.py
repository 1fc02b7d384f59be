"""Adds to a recorded node what the kernel tells of its running guests: record_node.py RUNDIR FOLDER, as root.

RUNDIR is libvirt's (/run/libvirt, or lab/run/lab-node1/run).  Files that are there already stay as they are.
Trimmed: of status files what the agent reads, of numa_maps the large mappings.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from argus_agent.kernel.cgroup import guest_scope, parse_membership
from argus_agent.kernel.domstatus import parse_domstatus

NODE = ("proc/net/softnet_stat", "proc/pressure/*", "proc/schedstat")
CGROUPS = Path("/sys/fs/cgroup")
PROCESS = ("stat", "status", "cgroup", "comm", "ksm_stat", "smaps_rollup")
THREAD = ("stat", "schedstat", "status", "comm")
CGROUP = (
    "cpu.stat",
    "io.stat",
    "memory.events",
    "memory.stat",
    "memory.numa_stat",
    "*/cpu.stat",
    "*.pressure",
    "blkio.throttle.io_service*",
)
LARGE_PAGES = 500


def record(rundir: Path, folder: Path) -> Iterator[Path]:
    """Copy; yields what was read."""
    for pattern in NODE:
        yield from _copy(sorted(Path("/").glob(pattern)), folder)
    for path in sorted((rundir / "qemu").glob("*.xml")):
        guest = parse_domstatus(path.read_text())
        if guest is None:
            continue
        _write(folder / "run/qemu" / path.name, _trimmed(path.read_text()))
        process = Path("/proc") / str(guest.pid)
        yield from _copy([process / name for name in PROCESS], folder)
        yield from _copy([task / name for task in (process / "task").iterdir() for name in THREAD], folder)
        _write(folder / f"proc/{guest.pid}/numa_maps", _large((process / "numa_maps").read_text()))
        yield from _copy(sorted(_cgroup_files(process)), folder)
    yield from _copy([Path("/proc/self/ksm_stat"), CGROUPS / "unified/cgroup.controllers"], folder)


def _cgroup_files(process: Path) -> Iterator[Path]:
    membership = parse_membership((process / "cgroup").read_text())
    for scope in {guest_scope(path) for path in membership.values()} - {"/"}:
        for pattern in CGROUP:
            yield from CGROUPS.glob(f"*{scope}/{pattern}")


def _copy(paths: list[Path], folder: Path) -> Iterator[Path]:
    for path in paths:
        try:
            _write(folder / path.relative_to("/"), path.read_text())
        except OSError:  # not every kernel has every file; a thread may have ended
            continue
        yield path


def _write(path: Path, text: str) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _trimmed(text: str) -> str:
    """A status file of 10 kB, but for what the agent reads of it."""
    root = ET.fromstring(text)
    small = ET.Element("domstatus", {name: root.get(name, "") for name in ("state", "reason", "pid")})
    small.extend(root.findall("vcpus"))
    domain = ET.SubElement(small, "domain")
    domain.extend([*root.findall("domain/name"), *root.findall("domain/uuid")])
    devices = ET.SubElement(domain, "devices")
    devices.extend(root.findall("domain/devices/interface"))
    ET.indent(small)
    return ET.tostring(small, encoding="unicode") + "\n"


def _large(text: str) -> str:
    pages = re.compile(r" N\d+=(\d+)")
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if any(int(n) >= LARGE_PAGES for n in pages.findall(line)))


if __name__ == "__main__":
    read = list(record(Path(sys.argv[1]), Path(sys.argv[2])))
    print(f"recorded {len(read)} files")
