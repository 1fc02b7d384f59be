"""The program that a process runs, beside the file that is installed under its name now.

/proc/PID/exe of proc(5) leads to the program even when its file was replaced; the version is the text that
QEMU prints for ``--version`` (system/vl.c), read out of the program, as running it would be a process.
"""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import NamedTuple

_DELETED = " (deleted)"
_VERSION = re.compile(rb"QEMU emulator version ([0-9][\x20-\x7e]{0,79})\n")
_CHUNK = 1 << 20
_OVERLAP = 128  # longer than what is searched for
_LARGEST = 256 << 20  # bytes of a program that are searched
_HEAD = 1 << 16
_PT_NOTE, _NT_GNU_BUILD_ID = 4, 3
_IDENT, _ELF64, _BIG_ENDIAN = 16, 2, 2
_MAX_HEADERS = 64


class Identity(NamedTuple):
    """One file: its place can be given to another only when no process runs it any more."""

    device: int
    inode: int
    modified_ns: int
    size: int


class Program(NamedTuple):
    """What a process runs: ``path`` as its own root has it.

    ``replaced`` is ``None`` where it cannot be known: in a container, whose files stay as they are.
    """

    path: str
    identity: Identity
    replaced: bool | None


def read_program(procfs: str, pid: int) -> Program:
    """Return what the process runs.  Raises ``OSError``, ``PermissionError`` without CAP_SYS_PTRACE."""
    exe = f"{procfs}/{pid}/exe"
    path = str(Path(exe).readlink()).removesuffix(_DELETED)
    running = _identity(exe)
    root = f"{procfs}/{pid}/root"
    try:
        installed = _identity(f"{root}{path}")
    except (FileNotFoundError, NotADirectoryError):
        return Program(path, running, replaced=True)
    if running == installed:
        return Program(path, running, replaced=False if _is_of_node(procfs, root) else None)
    ids = (read_build_id(exe), read_build_id(f"{root}{path}"))
    return Program(path, running, replaced=ids[0] is None or ids[0] != ids[1])  # else the same one, again


def _is_of_node(procfs: str, root: str) -> bool:
    """Whether a process sees the node's files, and not those of a container's image."""
    mine, node = Path(root).stat(), _root_of_node(procfs)
    return (mine.st_dev, mine.st_ino) == (node.st_dev, node.st_ino)


def _root_of_node(procfs: str) -> os.stat_result:
    try:
        return Path(f"{procfs}/1/root").stat()
    except PermissionError:  # init is out of reach where the agent itself runs in a container
        return Path(f"{procfs}/self/root").stat()


def _identity(path: str) -> Identity:
    stat = Path(path).stat()
    return Identity(stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size)


def read_version(path: str) -> str | None:
    """Return what QEMU calls itself, ``7.2.22 (Debian 1:7.2+dfsg-7)``; ``None`` for another program.

    Reads up to the place, some ten MB, in 10 ms.  Raises ``OSError``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        rest = b""
        for offset in range(0, _LARGEST, _CHUNK):
            piece = os.pread(descriptor, _CHUNK, offset)
            found = _VERSION.search(rest + piece)
            if found:
                return found[1].decode("ascii")
            if not piece:
                return None
            rest = piece[-_OVERLAP:]
    finally:
        os.close(descriptor)
    return None


def read_build_id(path: str) -> bytes | None:
    """Return the build ID in a program's head; ``None`` where it has none.  Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return parse_build_id(os.pread(descriptor, _HEAD, 0))
    finally:
        os.close(descriptor)


def parse_build_id(head: bytes) -> bytes | None:
    """Return the note NT_GNU_BUILD_ID of a 64-bit ELF file's first bytes; elf(5)."""
    if not head.startswith(b"\x7fELF") or len(head) < 64 or head[4] != _ELF64:
        return None
    order = ">" if head[5] == _BIG_ENDIAN else "<"
    (offset,) = struct.unpack_from(f"{order}Q", head, 32)
    size, count = struct.unpack_from(f"{order}HH", head, 54)
    for number in range(min(count, _MAX_HEADERS)):
        at = offset + number * size
        if at + 56 > len(head):
            return None
        kind, _, start, _, _, length = struct.unpack_from(f"{order}IIQQQQ", head, at)
        if kind == _PT_NOTE:
            found = _build_id(head[start : start + length], order)
            if found is not None:
                return found
    return None


def _build_id(notes: bytes, order: str) -> bytes | None:
    while len(notes) >= 12:
        name_size, size, kind = struct.unpack_from(f"{order}III", notes)
        start = 12 + _aligned(name_size)
        if kind == _NT_GNU_BUILD_ID and notes[12 : 12 + name_size] == b"GNU\0":
            return notes[start : start + size] or None
        notes = notes[start + _aligned(size) :]
    return None


def _aligned(size: int) -> int:
    return (size + 3) & ~3
