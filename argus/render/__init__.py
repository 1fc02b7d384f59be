"""The catalogue as other tools want it: Zabbix templates and the reference of metrics."""

# ruff: noqa: T201  # a command prints
from __future__ import annotations

import sys
from pathlib import Path

from argus.render.files import generated_files, outdated, write

_ROOT = Path(__file__).resolve().parents[2]


def main(check: bool, root: Path = _ROOT) -> int:
    """Write what is outdated, or with ``check`` only name it.

    Returns 0 when all is current (or has been written), 1 when ``check`` found a difference,
    2 when ``root`` is not a checkout of the project.
    """
    if not (root / "setup.cfg").is_file():
        print(
            f"argus render: {root} is not a checkout of argus: there is nothing to render into",
            file=sys.stderr,
        )
        return 2
    files = generated_files()
    names = outdated(root, files)
    if not check:
        write(root, files, names)
    for name in names:
        print(f"{'differs' if check else 'wrote'} {name}")
    if check and names:
        print("run `argus render` and commit the result", file=sys.stderr)
        return 1
    return 0
