"""Brings components up: side by side where nothing stands between them, with progress, and all or nothing."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from stack.errors import DownError, LabError
from stack.lab import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.lab import Component, Lab

SIDE_BY_SIDE = 4
NOTICED_SECONDS = 0.5  # a stop that takes longer is told, also of what is no process
STOP_SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A component that came up: in how many seconds, and what it said."""

    name: str
    seconds: float
    detail: str


def bring_up(lab: Lab, components: Sequence[Component], side_by_side: int = SIDE_BY_SIDE) -> list[Step]:
    """Start every component as soon as what it needs is up, so many at once.

    Raises the LabError of the first that failed, after those that were under way have ended.
    """
    by_name = {component.name: component for component in components}
    order = TopologicalSorter({c.name: [need for need in c.needs if need in by_name] for c in components})
    order.prepare()
    begin = time.monotonic()
    running: dict[Future[Step], str] = {}
    steps: list[Step] = []
    failed: LabError | None = None
    with ThreadPoolExecutor(side_by_side) as pool:
        while running or (order.is_active() and not failed):
            if not failed:
                for name in order.get_ready():
                    running[pool.submit(_start, lab, by_name[name], begin)] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                try:
                    steps.append(future.result())
                except LabError as failure:
                    failed = failed or failure
                    lab.given_up.set()
                else:
                    order.done(name)
    if failed:
        raise failed
    return steps


def take_down(lab: Lab, components: Sequence[Component], only: Sequence[str] | None = None) -> None:
    """Stop every component as soon as what needs it has stopped; with `only`, those that are named."""
    chosen = {c.name: c for c in reversed(components) if only is None or c.name in only}
    order = TopologicalSorter(
        {name: [other.name for other in chosen.values() if name in other.needs] for name in chosen}
    )
    order.prepare()
    with ThreadPoolExecutor(STOP_SIDE_BY_SIDE) as pool:
        running: dict[Future[None], str] = {}
        while order.is_active():
            for name in order.get_ready():
                running[pool.submit(_stop, lab, chosen[name])] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
                order.done(running.pop(future))


def _stop(lab: Lab, component: Component) -> None:
    begin = time.monotonic()
    ran = lab.processes.pid(component.name) is not None
    component.stop(lab)
    seconds = time.monotonic() - begin
    if ran or seconds > NOTICED_SECONDS:
        tell(f"stopped    {component.name} ({seconds:.1f} s)")


def _start(lab: Lab, component: Component, begin: float) -> Step:
    start = time.monotonic()
    tell(f"{start - begin:7.1f} s  … {component.name}")
    try:
        detail = component.start(lab)
    except (DownError, LabError) as failure:
        tell(f"{time.monotonic() - begin:7.1f} s  ✗ {component.name}: {failure}")
        if isinstance(failure, LabError):
            raise
        raise LabError(f"{component.name}: {failure}", lab.processes.log(component.name)) from None
    end = time.monotonic()
    tell(f"{end - begin:7.1f} s  ✓ {component.name} ({end - start:.1f} s): {detail}")
    return Step(component.name, end - start, detail)
