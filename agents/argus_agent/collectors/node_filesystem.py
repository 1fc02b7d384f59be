"""File systems of the node, as PID 1 sees them: the agent's own view has other mounts and is read-only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from argus.catalogue import node_filesystem as names
from argus_agent.askers import Askers
from argus_agent.cycle import NoData
from argus_agent.kernel import mounts as kernel
from argus_agent.seldom import MINUTE, Seldom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.catalogue.model import Sample
    from argus_agent.cycle import Cycle
    from argus_agent.host import Host
    from argus_agent.kernel.mounts import Mount

MOST = 64  # file systems
THREADS = 8
PATIENCE = 0.5  # seconds for what hangs, in the cycle in which it begins to
HANGS_AFTER = 5.0  # seconds
LONGEST = 200  # characters of a mount point as a label
SILENT, FAILED, FINE, NOT_ASKED, FORBIDDEN = 0, 1, 2, 3, 4
WRITABLE, READ_ONLY, READ_ONLY_BY_ERROR = 0, 1, 2


class Asked(NamedTuple):
    """One mount, this one and no later one at the same place: ``path`` leads there from the agent."""

    ident: int
    device: str
    path: str


class View(NamedTuple):
    """The mounts of one process, and ``root``, by which its paths are reached."""

    mounts: list[Mount]
    root: str


class NodeFilesystem:
    """Asks each file system in threads that may hang, and never twice while one does."""

    stats = None

    def __init__(self) -> None:
        self._space: Askers[Asked, os.statvfs_result] | None = None
        self._links: Askers[tuple[str, str], str | None] | None = None
        self._points: frozenset[str] = frozenset()
        self._turn = Seldom(self._read, MINUTE)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield space, inodes and health by mount point."""
        yield from self._turn.collect(cycle)

    def _read(self, cycle: Cycle) -> Iterator[Sample]:
        host, storage = cycle.host, cycle.storage
        view = read_view(host)
        seen = kernel.visible(view.mounts)
        self._points = frozenset(mount.point for mount in seen)
        instances = self._instances(host, view, storage.instances)
        where = kernel.holder(seen, instances) if instances else None
        always = where if where is not None and where.kind not in kernel.PSEUDO else None
        chosen = kernel.choose(
            kernel.file_systems(view.mounts), storage.mounts, storage.ignored_mounts, always
        )
        if not chosen:
            raise NoData("no file system with space of its own is mounted")
        chosen.sort(key=lambda mount: (always is None or mount.device != always.device, mount.point))
        labels = {label_of(mount.point): mount for mount in reversed(chosen[:MOST])}
        asked = {label: Asked(m.ident, m.device, view.root + m.point) for label, m in labels.items()}
        space = self._askers(host)
        space.ask(asked.values(), PATIENCE)
        if len(chosen) > len(labels):
            yield names.LEFT_OUT.sample(len(chosen) - len(labels))
        for label in sorted(labels):
            mount = labels[label]
            if isinstance(space.answers.get(asked[label]), FileNotFoundError):
                continue  # unmounted since it was listed
            yield from _of_space(space, asked[label], label)
            yield names.MODE.sample(mode_of(mount), label)
            yield names.INSTANCES.sample(int(always is not None and always.device == mount.device), label)
            yield names.TYPE.sample(mount.kind, label)
            if mount.source:
                yield names.SOURCE.sample(label_of(mount.source), label)

    def _askers(self, host: Host) -> Askers[Asked, os.statvfs_result]:
        if self._space is None:

            def ask(asked: Asked) -> os.statvfs_result:
                return host.statvfs(asked.path)

            self._space = Askers("statvfs", ask, host.monotonic, THREADS)
        return self._space

    def _instances(self, host: Host, view: View, path: str) -> str | None:
        """Return where the path leads, ``None`` where there is no such folder.

        As it was written while that is not known: the way there may lead through a file system that hangs.
        """
        if not path.startswith("/"):
            return None
        if self._links is None:

            def resolve(asked: tuple[str, str]) -> str | None:
                root, wanted = asked
                try:
                    return kernel.follow(wanted, self._points, lambda link: str(Path(root + link).readlink()))
                except (FileNotFoundError, NotADirectoryError):
                    return None

            self._links = Askers("instances", resolve, host.monotonic, 1)
        key = (view.root, path)
        self._links.ask([key], PATIENCE)
        answer = self._links.answers.get(key, path)
        return path if isinstance(answer, Exception) else answer


def read_view(host: Host) -> View:
    """Return the mounts of PID 1 where its root may be entered (CAP_SYS_PTRACE), else the agent's own.

    Raises ``NoData`` where there is no list of mounts, ``OSError`` where it cannot be read.
    """
    for process in ("1", "self"):
        root = f"{host.procfs}/{process}/root"
        try:
            Path(f"{root}/").stat()
            with (host.procfs / process / "mountinfo").open("rb") as file:
                text = file.read().decode(
                    "utf-8", "surrogateescape"
                )  # paths go back to the kernel as they were
        except (PermissionError, FileNotFoundError):
            continue
        return View(kernel.parse_mountinfo(text), root)
    raise NoData(f"{host.procfs} has no mountinfo of PID 1 or of the agent that may be read")


def _of_space(space: Askers[Asked, os.statvfs_result], asked: Asked, label: str) -> Iterator[Sample]:
    waits = space.waits(asked)
    if waits is not None:
        if waits >= HANGS_AFTER:
            yield names.ANSWERS.sample(SILENT, label)
        return
    if asked in space.not_asked:
        yield names.ANSWERS.sample(NOT_ASKED, label)
        return
    answer = space.answers.get(asked)
    if isinstance(answer, os.statvfs_result):
        yield names.ANSWERS.sample(FINE, label)
        yield from _of_answer(answer, label)
    elif isinstance(answer, PermissionError):
        yield names.ANSWERS.sample(FORBIDDEN, label)
    elif answer is not None:
        yield names.ANSWERS.sample(FAILED, label)


def _of_answer(stat: os.statvfs_result, label: str) -> Iterator[Sample]:
    """Yield what the numbers say; more free than there is, as of CephFS' inodes, is no number."""
    unit = stat.f_frsize or stat.f_bsize
    if 0 <= stat.f_bfree <= stat.f_blocks and stat.f_blocks > 0:
        yield names.SIZE.sample(stat.f_blocks * unit, label)
        yield names.FREE.sample(stat.f_bfree * unit, label)
        used = stat.f_blocks - stat.f_bfree
        if 0 <= stat.f_bavail <= stat.f_bfree:
            yield names.AVAILABLE.sample(stat.f_bavail * unit, label)
            if used + stat.f_bavail:
                yield names.USED.sample(used / (used + stat.f_bavail), label)
    if 0 <= stat.f_ffree <= stat.f_files and stat.f_files > 0:
        yield names.INODES.sample(stat.f_files, label)
        yield names.INODES_USED.sample(1 - stat.f_ffree / stat.f_files, label)
        if 0 <= stat.f_favail <= stat.f_ffree:
            yield names.INODES_FREE.sample(stat.f_favail, label)


def mode_of(mount: Mount) -> int:
    """Whether it can be written.

    Who mounts something read-only makes the mount and the file system so; the kernel, after an error, only
    the file system.
    """
    if mount.super_options & kernel.READ_ONLY_BY_ERROR:
        return READ_ONLY_BY_ERROR
    if "ro" not in mount.super_options:
        return WRITABLE
    return READ_ONLY if "ro" in mount.options else READ_ONLY_BY_ERROR


def label_of(text: str) -> str:
    """Return foreign text as a label: printable, on one line, of bounded length."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    clean = "".join(char if char.isprintable() and char not in '"\\' else "?" for char in clean)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"
