"""One value that cannot be stored, or understood, costs itself alone: all other pages go out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from one_node import World, heard, one_node, tick
from sqlalchemy import text

from argus.correlator.facts import ZABBIX, Facts
from argus.correlator.service import Part, Service, Services, State
from argus.schedule import BY_NAME, Performer
from argus.sources import Stored, Together, refresh
from argus.store import reports, snapshots

if TYPE_CHECKING:
    from pathlib import Path

    from http_server import Inbox

    from argus.site import Site
    from argus.store.engine import Store

ROUTES = """
receivers:
  - name: ops
    webhook_configs: [{url: "URL/ops"}]
route:
  receiver: ops
"""
NOVA = Service("c/R/nova", "nova", State.UP, "", 1.0)


@dataclass
class Cloud(World):
    """A node and services."""

    services: Services = field(default_factory=lambda: Services((NOVA,), ()))

    def read(self, alive: object) -> Facts:
        return replace(super().read(alive), sources=(ZABBIX, "services"), others=(self.services,))


def subjects(site: Site) -> set[str]:
    with site.store.read() as session:
        return {row.subject for row in reports.incidents(session, ("pending", "open"))}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def site(store: Store, cloud: Cloud, inbox: Inbox, tmp_path: Path) -> Site:
    made = one_node(store, cloud, inbox, tmp_path, ROUTES)
    holds = dict.fromkeys(("libvirtd_does_not_answer", "service_is_down", "part_is_down"), 0.0)
    return replace(made, policy=replace(made.policy, holds=holds))


@pytest.mark.parametrize("message", ["502 \x00 bad gateway", "502 \ud83d", "\x1f\x8b\x08\x00"])
def test_a_service_whose_message_no_database_takes_is_an_incident_like_any_other(
    site: Site, cloud: Cloud, inbox: Inbox, message: str
) -> None:
    cloud.services = Services((replace(NOVA, state=State.DOWN, message=message),), ())
    tick(site, cloud, up=0)
    assert {"cmp1", "c/R/nova"} <= subjects(site)
    assert len(heard(inbox)) == 2


def test_parts_with_long_names_that_differ_at_the_end_are_two_incidents_and_end_again(
    site: Site, cloud: Cloud
) -> None:
    names = [f"c/R/cinder/{'x' * 300}{n}" for n in (1, 2)]
    parts = tuple(Part(name, "c/R/cinder", "cinder-volume", "h", State.DOWN, "", 1.0) for name in names)
    cloud.services = Services((NOVA,), parts)
    tick(site, cloud, up=1)
    tick(site, cloud, up=1)
    long = [subject for subject in subjects(site) if "xxx" in subject]
    assert len(long) == 2
    cloud.services = Services((NOVA,), tuple(replace(part, state=State.UP) for part in parts))
    for _ in range(20):
        tick(site, cloud, up=1, after=60)
    assert subjects(site) == set()


def refuse(store: Store, subject: str) -> None:
    """Let the database refuse incidents of one subject, as it would a value that nobody thought of."""
    with store.write() as session:
        if store.engine.dialect.name == "sqlite":
            when = f"WHEN NEW.subject = '{subject}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
            session.execute(text(f"CREATE TRIGGER refuse BEFORE INSERT ON incidents {when}"))
        else:
            session.execute(text(f"ALTER TABLE incidents ADD CHECK (subject <> '{subject}')"))


def test_an_incident_that_the_database_refuses_costs_itself_alone(
    site: Site, cloud: Cloud, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(site.store, "c/R/nova")
    cloud.services = Services((replace(NOVA, state=State.DOWN, message="503"),), ())
    tick(site, cloud, up=0)
    assert subjects(site) == {"cmp1"}
    assert heard(inbox) == [("ops", "open")]
    assert re.search("service_is_down on c/R/nova cannot be written: .*", caplog.text)
    tick(site, cloud, up=1, after=60)
    tick(site, cloud, up=1, after=60)
    assert heard(inbox) == [("ops", "open"), ("ops", "resolve")]


@dataclass
class Slow:
    """A source that reads its own snapshots only."""

    name: str = "services"
    seconds: float = 60.0
    max_age: float = 3600.0

    def fetch(self) -> object:
        raise KeyError("binary")

    def facts(self, payload: object, at: float) -> object:
        assert isinstance(payload, dict)
        return Services(tuple(payload["services"]), (), *[at] * 0)


def test_a_snapshot_of_another_version_is_blindness_of_its_source(site: Site, cloud: Cloud) -> None:
    with site.store.write() as session:
        snapshots.put(session, "services", {"rounds": []}, cloud.now)
    blind = replace(site, source=Together((World(), Stored(Slow(), site.store, cloud.clock))))
    facts = blind.source.read(lambda: None)
    assert facts.blind == ("services",)
    assert "cannot be understood: KeyError" in facts.why_blind[0]


def test_an_answer_of_another_shape_is_noted_as_why_its_source_is_blind(site: Site) -> None:
    assert refresh(site, Slow())
    with site.store.read() as session:
        row = snapshots.get(session, "services")
    assert row is not None
    assert "cannot be understood: KeyError" in row.error


class Odd(World):
    """Zabbix with an answer that nobody understands."""

    def read(self, alive: object) -> Facts:
        raise KeyError("lastclock" if alive else "nobody waits")


def test_a_zabbix_that_cannot_be_understood_is_blind_and_the_cycle_goes_on(site: Site, cloud: Cloud) -> None:
    odd = replace(site, source=Together((Odd(),)))
    cloud.now += 600
    assert Performer(odd).perform(BY_NAME["correlate"])
    assert ZABBIX in subjects(site)
