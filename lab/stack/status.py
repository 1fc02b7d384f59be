"""Is it working: every component is asked itself, side by side."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from stack.errors import DownError
from stack.registry import running_components

if TYPE_CHECKING:
    from stack.lab import Component, Lab


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    ok: bool
    detail: str


def status(lab: Lab) -> list[Line]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda component: _ask(lab, component), running_components(lab)))


def print_status(lab: Lab, form: str) -> int:
    """Print one line for each component; 0 when all work, else 1."""
    lines = status(lab)
    if form == "json":
        print(json.dumps([asdict(line) for line in lines], indent=2, ensure_ascii=False))
    else:
        for line in lines:
            print(f"{'ok  ' if line.ok else 'DOWN'}  {line.name:14} {line.detail}")
    return 0 if all(line.ok for line in lines) else 1


def _ask(lab: Lab, component: Component) -> Line:
    try:
        return Line(component.name, True, component.check(lab))
    except DownError as down:
        return Line(component.name, False, str(down))
