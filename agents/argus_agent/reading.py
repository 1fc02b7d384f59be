"""Files of the node that a collector can do without: one that cannot be read costs its own value alone.

What is not there is passed over.  What is there and may not be read, or is not understood, is noted in
``Cycle.unread_files``: the runner logs it once and counts it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, TypeVar

from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.numbers import parse_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from argus_agent.cycle import Cycle

T = TypeVar("T")

DRIVER_DECLINES = frozenset((errno.EINVAL, errno.EBUSY, errno.EAGAIN, errno.EIO, errno.ENXIO))
"""How drivers say that they have no value now: an interface that is down, a CPU that is offline."""


def read_text(cycle: Cycle, path: Path | str, declines: Collection[int] = ()) -> str | None:
    """Return a file's text; ``None`` where there is nothing to read, or the driver ``declines`` by errno."""
    try:
        return read(str(path))
    except OSError as error:
        if not is_absence(error) and error.errno not in declines:
            cycle.unread_files[str(path)] = str(error)
        return None


def read_parsed(
    cycle: Cycle, path: Path | str, parse: Callable[[str], T], declines: Collection[int] = ()
) -> T | None:
    """Return a file's content as ``parse`` understands it, which raises ``ValueError`` where it does not."""
    text = read_text(cycle, path, declines)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        cycle.unread_files[str(path)] = f"{path}: {error}"
        return None


def looking(cycle: Cycle) -> Callable[[str], str | None]:
    """Return what reads small files for a parser that knows of no cycles: their texts, stripped."""

    def look(path: str) -> str | None:
        text = read_text(cycle, path, DRIVER_DECLINES)
        return None if text is None else text.strip()

    return look


def read_number(cycle: Cycle, path: Path | str, declines: Collection[int] = ()) -> int | None:
    """Return the one whole number of a file; ``None`` where there is none."""
    return read_parsed(cycle, path, parse_integer, declines)
