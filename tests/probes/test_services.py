"""A round is stored, remembered and shown: since when, for how long, and what stands on what."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from argus import services_listing
from argus.correlator.service import Services, State
from argus.errors import ArgusError
from argus.exporter import StoreCollector
from argus.probes import budget
from argus.probes.plan import Check, Cloud, Plan
from argus.probes.target import Target
from argus.probes.tcp import Tcp
from argus.services import ServiceSource, facts
from argus.store import snapshots

if TYPE_CHECKING:
    from pathlib import Path

    from argus.store.engine import Store


def source(store: Store, address: str, now: list[float]) -> ServiceSource:
    database = Check(Target("prod", "one", "database", "mysql"), Tcp((address,)), 5.0, ())
    page = Check(Target("prod", "one", "page", "tcp"), Tcp((address,)), 5.0, ())
    plan = Plan((), (database, page), 0.001, {"page": 0.002})
    return ServiceSource(plan, store, 30.0, clock=lambda: now[0])


def keep(store: Store, made: ServiceSource) -> Services:
    payload = json.loads(json.dumps(made.fetch()))
    with store.write() as session:
        snapshots.put(session, made.name, payload, payload["at"])
    return facts(payload, made.plan)


def test_a_state_keeps_its_beginning_until_it_changes(store: Store) -> None:
    now = [1000.0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = source(store, f"127.0.0.1:{server.getsockname()[1]}", now)
        assert {each.state for each in keep(store, made).services} == {State.UP}
        now[0] += 30
        assert {each.since for each in keep(store, made).services} == {1000.0}
    now[0] += 30
    found = keep(store, made)
    assert {(each.state, each.since) for each in found.services} == {(State.DOWN, 1060.0)}
    assert {part.stands_on[0] for part in found.parts} == {"prod/one/database", "prod/one/page"}
    assert [each.base for each in found.services] == [True, False]
    spent = [30 / (share * 30 * 86400) for share in (0.001, 0.002)]
    assert [each.spent for each in found.services] == pytest.approx(spent)


def test_a_cloud_that_cannot_be_read_blinds_nothing_else(store: Store, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check = Check(
            Target("prod", "one", "page", "tcp"), Tcp((f"127.0.0.1:{server.getsockname()[1]}",)), 5, ()
        )
        plan = Plan((Cloud("nowhere"),), (check,))
        made = ServiceSource(plan, store, 30.0, clouds_file=str(tmp_path / "clouds.yaml"))
        states = {each.name: each.state for each in keep(store, made).services}
    assert states == {"nowhere/keystone": State.UNKNOWN, "prod/one/page": State.UP}


def test_the_table_the_document_and_the_series_say_the_same(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    keep(store, source(store, address, now))
    assert services_listing.show(store, watch=False, everything=False, form="json") == 1
    told = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["state"]) for each in told["services"]] == [
        ("database", "down"),
        ("page", "down"),
    ]
    assert services_listing.show(store, watch=False, everything=False, form="table") == 1
    table = capsys.readouterr().out
    assert "Connection refused" in table
    assert "it is old" in table
    registry = CollectorRegistry()
    registry.register(StoreCollector(store, lambda: 1010.0))
    text = generate_latest(registry).decode()
    where = 'cloud="prod",region="one",service="database"'
    assert f'argus_service_state{{{where},state="down"}} 1.0' in text
    assert f"argus_service_probe_status{{{where}}} 0.0" in text
    assert "argus_service_round_age_seconds 10.0" in text
    assert "argus_service_probe_latency_seconds{" not in text


def test_before_the_first_round_there_is_a_sentence_and_no_series(store: Store) -> None:
    with pytest.raises(ArgusError, match="no round has been made yet"):
        services_listing.show(store, watch=False, everything=False, form="table")


@given(st.lists(st.tuples(st.floats(0, 400), st.booleans()), max_size=60))
def test_a_ledger_never_counts_more_than_was_watched(steps: list[tuple[float, bool]]) -> None:
    ledger: budget.Ledger = {}
    now, watched, down = 1e9, 0.0, 0.0
    for step, bad in steps:
        now += step
        ledger = budget.noted(ledger, step, now, down=bad)
        if step <= budget.LONGEST_STEP:
            watched, down = watched + step, down + step * bad
    assert sum(slot[2] for slot in ledger.get("days", ())) == pytest.approx(down)
    assert sum(slot[1] for slot in ledger.get("days", ())) == pytest.approx(watched)
    assert all(slot[2] <= slot[1] for slot in ledger.get("hours", ()))


def test_a_ledger_forgets_after_a_month() -> None:
    ledger = budget.noted({}, 60, 1e9, down=True)
    assert budget.spent(ledger, 0.001) == pytest.approx(60 / 2592)
    assert budget.spent(budget.noted(ledger, 60, 1e9 + 31 * 86400, down=False), 0.001) == 0
    assert budget.spent(ledger, 0) is None
