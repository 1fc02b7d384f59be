"""A slow source is read on its own time; a cycle takes what it told last, or knows that it is blind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.correlator.facts import ZABBIX, Facts
from argus.correlator.thresholds import Policy
from argus.errors import ArgusError
from argus.routing.tree import everything
from argus.site import Site
from argus.sources import Stored, Together, is_due, refresh
from argus.store import leases

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.store.engine import Store


@dataclass(frozen=True)
class Told:
    words: tuple[str, ...]
    at: float


@dataclass
class Api:
    """An API that answers, or not."""

    name: str = "openstack:one"
    seconds: float = 60.0
    max_age: float = 120.0
    words: tuple[str, ...] = ("a", "b")
    error: str = ""

    def fetch(self) -> Any:
        if self.error:
            raise ArgusError(self.error)
        return {"words": list(self.words)}

    def facts(self, payload: Any, at: float) -> Told:
        return Told(tuple(payload["words"]), at)


class Zabbix:
    def read(self, alive: Callable[[], None]) -> Facts:
        alive()
        return Facts()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    store: Store
    clock: Clock = field(default_factory=Clock)
    api: Api = field(default_factory=Api)

    @property
    def site(self) -> Site:
        stored = Stored(self.api, self.store, self.clock)
        source = Together((Zabbix(), stored))
        return Site(self.store, source, Policy(), {}, everything(()), "me", self.clock, slow=(self.api,))

    def facts(self) -> Facts:
        return self.site.source.read(lambda: None)


def test_what_was_read_is_what_every_cycle_knows(store: Store) -> None:
    bench = Bench(store)
    assert refresh(bench.site, bench.api)
    facts = bench.facts()
    assert facts.told(Told) == (Told(("a", "b"), 1000.0),)
    assert facts.sources == (ZABBIX, "openstack:one")
    assert facts.blind == ()


def test_a_source_that_nobody_has_tried_to_read_yet_is_not_blind(store: Store) -> None:
    facts = Bench(store).facts()
    assert (facts.sources, facts.blind, facts.told(Told)) == ((ZABBIX,), (), ())


def test_a_source_whose_first_reading_failed_is_blind_and_says_why(store: Store) -> None:
    bench = Bench(store, api=Api(error="keystone says 503"))
    assert refresh(bench.site, bench.api)
    assert (bench.facts().blind, bench.facts().why_blind) == (("openstack:one",), ("keystone says 503",))


def test_what_failed_is_due_again_at_once_and_what_was_read_after_its_interval(store: Store) -> None:
    bench = Bench(store, api=Api(error="keystone says 503"))
    assert is_due(bench.site, bench.api, 300)
    refresh(bench.site, bench.api)
    assert is_due(bench.site, bench.api, 300)
    bench.api.error = ""
    refresh(bench.site, bench.api)
    assert not is_due(bench.site, bench.api, 300)
    bench.clock.now += 300
    assert is_due(bench.site, bench.api, 300)
    bench.clock.now -= 86400
    assert is_due(bench.site, bench.api, 300), "the clock was set back: what is of the future is read again"


def test_an_answer_holds_over_a_failure_until_it_is_too_old(store: Store) -> None:
    bench = Bench(store)
    refresh(bench.site, bench.api)
    bench.api.error = "keystone says 503"
    bench.clock.now += 100
    assert refresh(bench.site, bench.api)
    assert bench.facts().told(Told)
    bench.clock.now += 100
    facts = bench.facts()
    assert facts.told(Told) == ()
    assert facts.why_blind == ("keystone says 503",)
    bench.api.error = ""
    refresh(bench.site, bench.api)
    assert bench.facts().told(Told) == (Told(("a", "b"), 1200.0),)


def test_one_process_at_a_time_reads_it(store: Store) -> None:
    bench = Bench(store)
    assert leases.acquire(store, "read openstack:one", "other", 60, bench.clock.now)
    assert not refresh(bench.site, bench.api)
