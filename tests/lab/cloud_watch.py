"""The correlator's own jobs over the lab's control plane, one at a time, on a clock that a test moves on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from smtp_server import smtp_server
from sqlalchemy import select

from argus import user_check_source
from argus.correlator.thresholds import Policy
from argus.cycle import correlate
from argus.delivery import deliver
from argus.notify.email import Email
from argus.probes.openstack import NAMES
from argus.probes.plan import read
from argus.routing.tree import everything
from argus.services import ServiceSource
from argus.services_source import probe
from argus.site import Site
from argus.sources import Stored, Together
from argus.store import schema, snapshots
from argus.store.engine import Store, open_store
from argus.store.models import IncidentRow, OutboxRow
from stack.components.openstack.cloud import Cloud
from stack.components.openstack.config import ADMIN
from stack.components.openstack.settings import HOST, REGION

HOLD = 25.0  # s: longer than any rule about services waits before it tells of an outage
KEEP = 400.0  # s: longer than any waits until it believes that all is well, many at a time included
TIMEOUT_SECONDS = (
    10  # of a probe: what hangs costs a round that much, and a busy machine takes seconds to answer
)
TIMEOUT = f"{TIMEOUT_SECONDS}s"


@dataclass
class Clock:
    """Real time, and what a test has skipped."""

    skipped: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.skipped


@dataclass(frozen=True)
class Watch:
    """Argus without Zabbix: probes, rules, incidents, and mails to a server of the test."""

    site: Site
    clock: Clock

    def cycle(self) -> dict[str, str]:
        """One round of probes and one decision; the state of each service (and part) that is not up."""
        assert probe(self.site)
        assert correlate(self.site)
        assert deliver(self.site)
        return self.bad()

    def round(self) -> dict[str, Any]:
        """The newest round, as it is stored."""
        with self.site.store.read() as session:
            row = snapshots.get(session, "services")
            assert row is not None
            assert row.payload, row.error
            payload: dict[str, Any] = row.payload
        return payload

    def bad(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for each in self.round()["services"]:
            where = f"{each['region']}/{each['name']}"
            if each["state"] != "up":
                found[where] = f"{each['state']}: {each['message']}"
            for kind, host, state, message, *_ in each["parts"]:
                if state not in {"up", "disabled"}:
                    found[f"{where}/{kind}@{host}"] = f"{state}: {message}"
        return found

    def until(self, true: Callable[[dict[str, str]], bool], limit: float) -> dict[str, str]:
        """Cycles until it is true of what is not up; fails after `limit` seconds."""
        end = time.monotonic() + limit
        while not true(found := self.cycle()):
            assert time.monotonic() < end, f"not within {limit:g} s; not up: {found}"
            time.sleep(0.5)
        return found

    def held(self) -> None:
        """What is wrong has stood for long enough to be told."""
        self.clock.skipped += HOLD
        self.cycle()

    def healed(self, limit: float) -> None:
        """All is up again, and has been for long enough."""
        self.until(lambda bad: not bad, limit)
        self.clock.skipped += KEEP
        self.cycle()

    def told(self, after: int = 0) -> list[tuple[str, str, str]]:
        """Rule, subject without the cloud, and kind of each accepted message, but for the first ``after``."""
        with self.site.store.read() as session:
            rows = session.execute(
                select(IncidentRow.rule, IncidentRow.subject, OutboxRow.kind)
                .join(OutboxRow, OutboxRow.incident_id == IncidentRow.id)
                .where(OutboxRow.sent_at.is_not(None))
                .order_by(OutboxRow.id)
            ).all()
        return [(rule, subject.partition("/")[2], kind) for rule, subject, kind in rows[after:]]

    def causes(self) -> dict[str, str]:
        """Subject -> the subject of its cause, of what is open and held back."""
        with self.site.store.read() as session:
            rows = session.scalars(select(IncidentRow).where(IncidentRow.phase == "open")).all()
        return {
            row.subject.partition("/")[2]: row.cause_subject.partition("/")[2]
            for row in rows
            if row.cause_rule
        }

    def still_open(self) -> list[str]:
        with self.site.store.read() as session:
            rows = session.scalars(select(IncidentRow).where(IncidentRow.phase != "resolved")).all()
        return [f"{row.rule} {row.subject}: {row.summary}" for row in rows]


def checks(cloud: Cloud, secret: Path) -> list[dict[str, Any]]:
    """What the lab's services stand on, as services.yaml names it."""
    secret.write_text(cloud.lab.password("openstack-monitor"))
    ports = cloud.lab.ports

    def at(name: str) -> str:
        return f"{HOST}:{ports[name]}"

    login = {"username": "argus_monitor", "password_file": str(secret)}
    made: list[dict[str, Any]] = [
        {
            "name": "rabbitmq",
            "kind": "rabbitmq",
            "url": f"http://{at('rabbitmq:management')}",
            "amqp": [at("rabbitmq")],
            **login,
        },
        {"name": "database", "kind": "mysql", "hosts": [at("mariadb")], **login},
        {"name": "memcached", "kind": "memcached", "hosts": [at("memcached")]},
        {"name": "balancer", "kind": "haproxy", "url": cloud.url("haproxy") + "/"},
    ]
    return [{**each, "region": REGION, "timeout": TIMEOUT} for each in made]


def services_yaml(cloud: Cloud, folder: Path, who: str, more: dict[str, Any]) -> Path:
    """Write services.yaml for the lab's cloud, all of its regions."""
    file = folder / f"services-{who}.yaml"
    plan = {
        "clouds": [{"cloud": who, "timeout": TIMEOUT, **more}],
        "checks": checks(cloud, folder / "password"),
    }
    file.write_text(yaml.safe_dump(plan, sort_keys=False))
    return file


@contextmanager
def watching(
    cloud: Cloud, folder: Path, who: str = ADMIN, clouds_yaml: Path | None = None, **more: Any
) -> Iterator[Watch]:
    """An empty database, and what looks at the lab's cloud; `more` is said of it in services.yaml."""
    file = services_yaml(cloud, folder, who, more)
    with watching_what(file, str(clouds_yaml or cloud.clouds_yaml), folder) as made:
        yield made


@contextmanager
def watching_what(services: Path, clouds: str, folder: Path) -> Iterator[Watch]:
    """An empty database, and what looks at all that services.yaml names."""
    clock, store = Clock(), _store(folder)
    plan = read(services, NAMES)
    source = ServiceSource(plan, store, 30.0, clouds, clock)
    users = tuple(replace(each, clock=clock) for each in user_check_source.sources(plan, clouds))
    with smtp_server() as mailbox:
        email = Email(HOST, mailbox.port, "none", "argus@example.org", 10.0)
        site = Site(
            store=store,
            source=Together((Stored(source, store, clock),)),
            policy=Policy(),
            receivers={"email": email},
            router=everything(("email:ops@example.org",)),
            owner="test",
            clock=clock,
            slow=(source, *users),
        )
        try:
            yield Watch(site, clock)
        finally:
            store.engine.dispose()


def _store(folder: Path) -> Store:
    made = open_store(f"sqlite:///{folder}/argus.db")
    schema.upgrade(made)
    return made
