"""systemd's unit files: which services are started at boot, and which of them are healthy without a process.

Read as systemd does (systemd.unit(5)): the first folder that has the file wins, drop-ins come after it, an
instance has the file of its template, and a link to /dev/null masks the unit.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from argus_agent.kernel.files import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDERS = tuple(
    Path(folder)
    for folder in (
        "/run/systemd/generator.early",
        "/run/systemd/system",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/run/systemd/generator.late",
    )
)
"""Where unit files are beside /etc/systemd/system, in systemd's order."""
_ASSIGNMENT = re.compile(r"^[ \t]*(Type|RemainAfterExit|ExecStart)[ \t]*=[ \t]*(.*?)[ \t]*$")
_YES = frozenset({"1", "yes", "y", "true", "t", "on"})
_CONTINUED = re.compile(r"\\\r?\n")


class Expectation(Enum):
    """What an enabled service is when it is as it should be."""

    RUNS = auto()
    RESTS = auto()
    """It did its work and ended (``Type=oneshot``), or counts as active without a process."""
    MASKED = auto()
    UNKNOWN = auto()
    """There is no unit file: a link that a removed package left, or one in a file system not seen here."""


def enabled(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the services that are started at boot, with the link that says so.

    Links of ``systemctl enable``, of packages and of generators; a template alone is no service.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        for kind in ("wants", "requires", "upholds"):
            for link in folder.glob(f"*.{kind}/*.service"):
                if not link.name.endswith("@.service"):
                    found.setdefault(link.name, link)
    return found


def expectation(name: str, folders: tuple[Path, ...], link: Path | None = None) -> Expectation:
    """Return what is expected of a service; ``link`` is the one by which it is enabled.

    Raises ``OSError`` when its file is there and may not be read.
    """
    main = _unit_file(name, folders, link)
    if main is None:
        return Expectation.UNKNOWN
    if _is_null(main):
        return Expectation.MASKED
    names = dict.fromkeys((name, main.name, main.resolve().name))  # an alias has drop-ins of its own
    settings: dict[str, str] = {}
    for path in (main, *_drop_ins(names, folders)):
        settings |= _service_settings(path)
    kind = settings.get("Type") or ("simple" if settings.get("ExecStart") else "oneshot")
    rests = kind == "oneshot" or settings.get("RemainAfterExit", "").lower() in _YES
    return Expectation.RESTS if rests else Expectation.RUNS


def _template(name: str) -> str | None:
    prefix, at, _ = name.removesuffix(".service").partition("@")
    return f"{prefix}@.service" if at else None


def _unit_file(name: str, folders: tuple[Path, ...], link: Path | None) -> Path | None:
    for own in (name, _template(name)):
        for folder in folders if own else ():
            path = folder / str(own)
            if path.exists():
                return path
    return link if link is not None and link.exists() else None


def _is_null(path: Path) -> bool:
    return path.resolve() == Path("/dev/null") or (path.is_file() and path.stat().st_size == 0)


def _drop_ins(names: Iterable[str], folders: tuple[Path, ...]) -> Iterator[Path]:
    """Yield drop-ins in the order in which they take effect: by file name, one of each name."""
    found: dict[str, Path] = {}
    for own in dict.fromkeys(folder for name in names for folder in _drop_in_folders(name)):
        for base in folders:
            for path in sorted((base / own).glob("*.conf")):
                found.setdefault(path.name, path)
    for name in sorted(found):
        if not _is_null(found[name]):
            yield found[name]


def _drop_in_folders(name: str) -> Iterator[str]:
    """Yield the folders of a unit's drop-ins, those of itself first and those of all services last."""
    for own in (name, _template(name)):
        if own:
            yield f"{own}.d"
    words = name.removesuffix(".service").split("-")
    for count in range(len(words) - 1, 0, -1):
        yield "-".join(words[:count]) + "-.service.d"
    yield "service.d"


def _service_settings(path: Path) -> dict[str, str]:
    """Return what a file sets in [Service]; an empty ``ExecStart=`` takes back those before."""
    section, found = "", {}
    for line in _CONTINUED.sub(" ", read(str(path))).splitlines():
        if line.lstrip().startswith("["):
            section = line.strip()
        assignment = _ASSIGNMENT.match(line)
        if section != "[Service]" or assignment is None:
            continue
        name, value = assignment.groups()
        if value or name == "ExecStart":
            found[name] = value
    return found
