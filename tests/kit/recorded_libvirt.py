"""Whole recorded nodes: their files, and a source that plays libvirt's recorded answers to the runner."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from recorded import FIXTURES, recorded_host

from argus.catalogue import agent
from argus_agent.collectors import load_collectors
from argus_agent.cycle import Allocation
from argus_agent.guests import Guest, LibvirtView, parse_definition
from argus_agent.libvirt_events import EventListener
from argus_agent.page_walks import PageWalks
from argus_agent.runner import Result, Runner

if TYPE_CHECKING:
    from argus_agent.libvirt_source import LibvirtSource

HOSTS = ("two-socket-v1", "two-socket-v2", "debian12-tcg", "two-socket-vnuma")
OVERLAY = "later"  # files below it are those that differ in the second cycle


@dataclass(slots=True)
class RecordedLibvirt:
    """Stands in for ``LibvirtSource``: each cycle gets the next recorded answer of getAllDomainStats.

    After the last one, that one again, each time ``step`` seconds later.
    """

    root: Path
    step: float = 1000.0
    events: EventListener = field(default_factory=lambda: EventListener("test:///default", {}, lambda: 0.0))
    _cycles: itertools.count[int] = field(default_factory=itertools.count)

    def start(self, *_asked: object) -> None:
        """Nothing has to be asked."""

    def finish(self, *_asked: object) -> LibvirtView:
        """Return the next answer."""
        answers = json.loads((self.root / "guests/domstats.json").read_text())
        number = next(self._cycles)
        answer = answers[min(number, len(answers) - 1)]
        guests = tuple(
            Guest(
                g["uuid"],
                g["name"],
                g["running_id"],
                g["stats"],
                parse_definition((self.root / f"guests/{g['name']}.xml").read_text()),
            )
            for g in answer["guests"]
        )
        return LibvirtView(
            up=True,
            guests=guests,
            complete=True,
            at=answer["at"] + self.step * max(0, number - len(answers) + 1),
            call_seconds=0.01,
            last_success_age=0.0,
            unresponsive=0,
            version="9.0.0",
            hypervisor="QEMU 7.2.22",
        )


def two_cycles(name: str, folder: Path) -> Result:
    """Run all collectors twice on a copy of a recorded node in ``folder``; return the second result.

    The clocks stand still within a cycle, so that no figure depends on the machine that runs the test.
    What the agent tells about itself is left out, but for whether each collector succeeded.
    """
    root = folder / name
    shutil.copytree(FIXTURES / name, root)
    times = [answer["at"] for answer in json.loads((root / "guests/domstats.json").read_text())]
    now = times[0]
    host = recorded_host(root, lambda: now, lambda: now)
    source = cast("LibvirtSource", RecordedLibvirt(root))
    walks = PageWalks(host, thread=False)
    allocation = Allocation(reserved_cpus=frozenset({0}))
    runner = Runner(host, load_collectors(), source, allocation, walks=walks)
    runner.run()
    walks.read_asked(60)
    if (root / OVERLAY).is_dir():
        shutil.copytree(root / OVERLAY, root, dirs_exist_ok=True)
    now = times[1]
    result = runner.run()
    own = set(agent.SUBSYSTEM.metrics) - {agent.SUCCESS}
    return Result(result.at, tuple(s for s in result.samples if s.metric not in own), result.libvirt)
