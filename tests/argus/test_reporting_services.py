"""What Zabbix is told of services: what is known, and nothing in place of what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from argus.catalogue import openstack_service
from argus.reporting_services import OLDEST, services
from argus.services_values import LONGEST_TEXT, MOST_INSTANCES, document
from argus.store import snapshots
from argus.zabbix.fed_hosts import LONGEST_NAME, Fed

if TYPE_CHECKING:
    from argus.store.engine import Store

NOW = 1_800_000_000.0
STATUS = openstack_service.STATUS.field


def entry(**changes: Any) -> dict[str, Any]:
    known = {"cloud": "c", "region": "R1", "name": "nova", "state": "up", "message": "", "latency": 0.1}
    absent: dict[str, Any] = {"version": "", "spent": None, "burn": None, "figures": {}}
    return {**known, **absent, "parts": [], **changes}


def part(state: str, host: str = "n1") -> list[Any]:
    return ["nova-compute", host, state, "", 0.0, "az1"]


@pytest.mark.parametrize(("state", "number"), [("down", 0), ("degraded", 1), ("up", 2)])
def test_a_state_is_a_number(state: str, number: int) -> None:
    assert document(entry(state=state))[STATUS] == number


@pytest.mark.parametrize("state", ["unknown", "not permitted", "disabled"])
def test_what_is_not_known_has_no_number_and_says_why(state: str) -> None:
    told = document(entry(state=state, message="no log-in", latency=None))
    assert told == {openstack_service.DETAIL.field: "no log-in"}


def test_instances_are_counted_and_listed_without_those_that_are_off_on_purpose() -> None:
    states = ("up", "degraded", "down", "unknown", "disabled")
    told = document(entry(parts=[part(state, state) for state in states]))
    assert (told[openstack_service.INSTANCES.field], told[openstack_service.INSTANCES_UP.field]) == (4, 2)
    up = {row["instance"]: row.get(openstack_service.INSTANCE_UP.field) for row in told["instances"]}
    assert up == {
        "nova-compute@up": 1,
        "nova-compute@degraded": 1,
        "nova-compute@down": 0,
        "nova-compute@unknown": None,
    }


def test_of_very_many_instances_only_the_numbers_are_told() -> None:
    told = document(entry(parts=[part("up", f"n{n}") for n in range(MOST_INSTANCES + 1)]))
    assert told[openstack_service.INSTANCES_UP.field] == MOST_INSTANCES + 1
    assert "instances" not in told


def test_a_long_message_fits_into_a_text_item() -> None:
    assert len(document(entry(message="x" * 999))[openstack_service.DETAIL.field]) == LONGEST_TEXT


def test_a_round_that_is_old_tells_nothing(store: Store) -> None:
    with store.write() as session:
        snapshots.put(session, "services", {"at": NOW, "services": [entry()]}, NOW)
    with store.read() as session:
        (fed,) = services(session, NOW + 10)
        assert (fed.name, dict(fed.tags)["service"]) == ("c/R1/nova", "nova")
        assert list(services(session, NOW + OLDEST + 1)) == []


@pytest.mark.parametrize("name", ["c/R1/nova", "größe/ß/ x ", "x" * 300])
def test_a_technical_name_is_one_that_zabbix_allows(name: str) -> None:
    host = Fed("service", name, (), {}).host
    assert host.startswith("Argus service")
    assert len(host) <= LONGEST_NAME
    assert host.isascii()
    assert host == host.strip()
    assert "/" not in host
