"""One node on a real database, routes of a test's own, and receivers that are real HTTP servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus import notify
from argus.catalogue import ksm, libvirt
from argus.correlator.facts import Facts, NodeValues, Problem
from argus.correlator.thresholds import Policy
from argus.notify.webhook import Webhook
from argus.routing.read import read
from argus.schedule import BY_NAME, Performer
from argus.site import Site

if TYPE_CHECKING:
    from pathlib import Path

    from http_server import Inbox

    from argus.store.engine import Store


@dataclass
class World:
    """One node, whose libvirtd answers or not, and a clock."""

    now: float = 1_700_000_000.0
    up: float = 1.0
    down: set[str] = field(default_factory=set)
    problems: tuple[Problem, ...] = ()
    pulse: float | None = None  # of Zabbix' server; None: nothing tells
    seen: float | None = None  # when the node's newest value was measured; None: now

    def read(self, alive: object) -> Facts:
        assert callable(alive)
        alive()
        values = {libvirt.UP.field: self.up, ksm.RUN.field: 0.0}
        seen = self.now if self.seen is None else self.seen
        return Facts(self.problems, (NodeValues("cmp1", values, seen),), pulse=self.pulse)

    def clock(self) -> float:
        return self.now


def one_node(store: Store, world: World, inbox: Inbox, folder: Path, routes: str) -> Site:
    """Return a site whose ``routes.yaml`` sends to webhooks below ``URL``."""
    file = folder / "routes.yaml"
    file.write_text(routes.replace("URL", inbox.url))
    router = read(file, notify.options())
    receivers = {
        target: Webhook(target.partition(":")[2], options["url"])
        for target, options in router.options.items()
    }
    policy = Policy(holds={"libvirtd_does_not_answer": 0.0})
    return Site(store, world, policy, receivers, router, "me", world.clock, attempts=4)


def tick(site: Site, world: World, *, up: float, after: float = 20) -> None:
    world.now, world.up = world.now + after, up
    for name in ("correlate", "deliver"):
        assert Performer(site).perform(BY_NAME[name])


def heard(inbox: Inbox) -> list[tuple[str, str]]:
    return [(request.path.strip("/"), request.json["kind"]) for request in inbox.requests]
