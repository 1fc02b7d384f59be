"""Pages to receivers that are slow or refuse, without a cycle that decides on them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.cycle import notification
from argus.notify.base import Kind, Notification, NotifyError
from argus.routing.tree import Due
from argus.schedule import BY_NAME, Performer
from argus.store import health, outbox
from argus.store.models import IncidentRow, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from one_node import World

    from argus.site import Site

ROUTES = """\
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops", limit: none}]
  - name: last
    webhook_configs: [{url: "URL/last", limit: none}]
fallback: last
route: {receiver: ops}
"""


@dataclass
class Slow:
    """A receiver without a deadline of its own, such as a library, that ends when it is told to."""

    go: threading.Event = field(default_factory=threading.Event)
    begun: list[str] = field(default_factory=list)

    def send(self, note: Notification, address: str) -> None:
        self.begun.append(address)
        assert note.at, "frozen before it is sent for the first time"
        self.go.wait(30)


@dataclass
class Refuses:
    """A receiver that fails as it is told."""

    error: NotifyError
    asked: int = 0

    def send(self, _note: Notification, _address: str) -> None:
        self.asked += 1
        raise self.error


def opened(site: Site, world: World, *targets: str, severity: str = "HIGH", subject: str = "cmp1") -> int:
    with site.store.write() as session:
        row = IncidentRow(
            rule="node_does_not_report",
            subject=subject,
            phase="open",
            severity=severity,
            summary=f"{subject} is silent",
            evidence={},
            since=world.now,
            seen_at=world.now,
            told_at=world.now,
        )
        session.add(row)
        session.flush()
        payload = notification(row, Kind.OPEN, "why").payload()
        dues = [Due(target, world.now, 0, "ops") for target in targets]
        outbox.enqueue_open(session, row, dues, payload, world.now)
        return row.id


def deliver(site: Site, world: World, after: float = 1.0) -> None:
    world.now += after
    assert Performer(site).perform(BY_NAME["deliver"])


def eventually(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def rows(site: Site) -> dict[str, OutboxRow]:
    with site.store.read() as session:
        return {row.receiver: row for row in session.query(OutboxRow)}


def failing(site: Site) -> dict[str, str]:
    with site.store.read() as session:
        return health.failing(session)
