"""Memory errors by controller and module, from /sys/devices/system/edac/mc.

Documentation/ABI/testing/sysfs-devices-edac
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from argus_agent.kernel.files import is_absence, read
from argus_agent.kernel.numbers import count

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

_CONTROLLER = re.compile(r"mc[0-9]+")
_MODULE = re.compile(r"(?:dimm|rank)[0-9]+")
_ROW = re.compile(r"csrow[0-9]+")
_CHANNEL_LABEL = re.compile(r"ch[0-9]+_dimm_label")


class Counts(NamedTuple):
    """Errors since the driver was loaded or reset; ``None``: not counted, or not readable."""

    corrected: int | None
    uncorrected: int | None
    unplaced: int | None = None


class Module(NamedTuple):
    """A memory module, a rank, or in old kernels a row; ``name`` is the kernel's, ``label`` the board's."""

    name: str
    label: str
    counts: Counts


def controllers(base: str) -> tuple[str, ...]:
    """Return the memory controllers below ``base``.  Raises ``FileNotFoundError`` where EDAC is not built."""
    return tuple(filter(_CONTROLLER.fullmatch, _names(base)))


def read_counts(folder: str, unread: MutableMapping[str, str]) -> Counts:
    """Return what the controller counted.  ``unread`` takes the files that are there and cannot be read."""
    names = ("ce_count", "ue_count", "ce_noinfo_count")
    return Counts(*(_count(f"{folder}/{name}", unread) for name in names))


def read_modules(folder: str, unread: MutableMapping[str, str]) -> list[Module]:
    """Return the modules of a controller: its DIMMs or ranks; in old kernels its rows."""
    names = _names(folder)
    modules = [
        Module(
            name,
            _text(f"{folder}/{name}/dimm_label", unread),
            Counts(*(_count(f"{folder}/{name}/dimm_{kind}_count", unread) for kind in ("ce", "ue"))),
        )
        for name in filter(_MODULE.fullmatch, names)
    ]
    counted = [module for module in modules if _is_counted(module)]
    return counted or [row for row in _rows(folder, names, unread) if _is_counted(row)]


def _rows(folder: str, names: list[str], unread: MutableMapping[str, str]) -> Iterator[Module]:
    for name in filter(_ROW.fullmatch, names):
        row = f"{folder}/{name}"
        labels = (_text(f"{row}/{file}", unread) for file in _names(row) if _CHANNEL_LABEL.fullmatch(file))
        counts = Counts(*(_count(f"{row}/{kind}_count", unread) for kind in ("ce", "ue")))
        yield Module(name, ", ".join(filter(None, labels)), counts)


def _names(folder: str) -> list[str]:
    return sorted((path.name for path in Path(folder).iterdir()), key=_number)


def _is_counted(module: Module) -> bool:
    return module.counts != Counts(None, None)


def _count(path: str, unread: MutableMapping[str, str]) -> int | None:
    text = _text(path, unread)
    if not text:
        return None
    found = count(text)
    if found is None:
        unread[path] = f"{path}: {text[:40]!r} is no count"
    return found


def _text(path: str, unread: MutableMapping[str, str]) -> str:
    """Return a file's text; empty where there is none or it cannot be read, which is noted."""
    try:
        return read(path).strip()
    except OSError as error:
        if not is_absence(error):
            unread[path] = str(error)
        return ""


def _number(name: str) -> tuple[str, int]:
    head = name.rstrip("0123456789")
    return head, int(name[len(head) :] or 0)
