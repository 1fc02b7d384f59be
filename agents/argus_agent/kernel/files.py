"""Reads small files of the kernel: a cycle reads thousands, and what surrounds ``open`` costs more."""

from __future__ import annotations

import errno
import os

from argus_agent.kernel.numbers import count

_CHUNK = 1 << 16
PAGE = 4096
_ABSENT = frozenset((errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.ENOTDIR, errno.EOPNOTSUPP))


def read(path: str) -> str:
    """Return a file's text; what is not UTF-8 in it is replaced.  Raises ``OSError``.

    A third of the CPU time of ``Path.read_text``.  Files of /proc may come in pieces, so the end is where
    nothing more comes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces = []
        while piece := os.read(descriptor, _CHUNK):
            pieces.append(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces).decode(errors="replace")


def read_record(path: str) -> str:
    """Return the text of a file that the kernel gives in one piece, with half the calls.  Raises ``OSError``.

    That is what it makes with seq_file's single_open and fits a page: stat, schedstat, *.pressure.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return str(os.read(descriptor, PAGE), "utf-8", "replace")
    finally:
        os.close(descriptor)


def is_absence(error: OSError) -> bool:
    """Whether the error says that there is nothing to read, rather than that it may not be read.

    A process that ended gives ESRCH, its control group ENODEV; pressure that is switched off, EOPNOTSUPP.
    """
    return error.errno in _ABSENT


def listed(folder: str) -> list[str]:
    """Return the names in a folder, sorted; none where there is no such folder.  Raises ``OSError`` else.

    Unlike pathlib's glob, for which a folder that may not be listed is empty.
    """
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 -- names, not paths
    except OSError as error:
        if is_absence(error):
            return []
        raise


def numbered(folder: str, prefix: str) -> list[int]:
    """Return the numbers of ``cpu0``, ``cpu1`` ... in a folder, sorted, as ``listed`` does."""
    found = (count(name.removeprefix(prefix)) for name in listed(folder) if name.startswith(prefix))
    return sorted(number for number in found if number is not None)
