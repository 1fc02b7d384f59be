"""What becomes worse is news for whoever looks after it, and for those that an acknowledgement kept out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.correlator.facts import ZABBIX, Facts
from argus.correlator.service import Service, Services, State
from argus.correlator.thresholds import Policy
from argus.cycle import correlate
from argus.operating import take
from argus.routing.tree import everything
from argus.site import Site
from argus.store import reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.store.engine import Store


@dataclass
class World:
    """A service that cannot be judged: by a choice of roles, or since its probe is broken."""

    state: State = State.DENIED
    now: float = 1000.0

    def read(self, alive: Callable[[], None]) -> Facts:
        alive()
        service = Service("c/r/nova", "nova", self.state, "why", 0.0)
        return Facts(sources=(ZABBIX, "services"), others=(Services((service,), ()),))

    def clock(self) -> float:
        return self.now


def test_an_acknowledgement_ends_when_the_incident_becomes_worse(store: Store) -> None:
    world = World()
    policy = Policy(holds={"service_cannot_be_judged": 0.0})
    site = Site(store, world, policy, {}, everything(("webhook:ops",)), "me", world.clock)
    assert correlate(site)
    with store.write() as session:
        assert take(session, 1, "ann", world.now)
    world.state, world.now = State.UNKNOWN, 1020.0
    assert correlate(site)
    with store.read() as session:
        row = reports.incident(session, 1)
        assert row is not None
        assert (row.severity, row.acked_at, row.acked_by, row.taken_up_at) == ("WARNING", None, "", 1020.0)
        lines = [line.what for line in reports.decisions(session, 1)]
    assert lines[-1] == "taken up again"
