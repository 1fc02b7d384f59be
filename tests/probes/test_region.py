"""A whole region is probed through its catalogue: each service is told exactly, whatever the others do."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from recorded_cloud import recorded_cloud

from argus.probes.plan import Cloud, Plan
from argus.services import ServiceSource, facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.store.engine import Store


@pytest.fixture
def region(store: Store, tmp_path: Path) -> Iterator[tuple[ServiceSource, dict[str, int]]]:
    with recorded_cloud(tmp_path) as (file, instead):
        yield ServiceSource(Plan((Cloud("prod", timeout=20.0),)), store, 30.0, str(file)), instead


def states(made: ServiceSource) -> dict[str, str]:
    return {each["name"]: each["state"] for each in made.fetch()["services"]}


HEALTHY = {
    "ceilometer": "up",
    "cinder": "down",  # recorded so: the only volume service was killed
    "glance": "up",
    "gnocchi": "up",
    "heat": "up",
    "keystone": "up",
    "murano": "up",
    "neutron": "degraded",
    "nova": "degraded",
    "placement": "up",
    "swift": "up",
    "trove": "up",
}


@pytest.mark.slow
def test_every_service_of_the_catalogue_is_told(region: tuple[ServiceSource, dict[str, int]]) -> None:
    found: list[dict[str, Any]] = region[0].fetch()["services"]
    assert {each["name"]: each["state"] for each in found} == HEALTHY, found
    versions = {each["name"]: each["version"] for each in found}
    assert versions["nova"] == "2.100"
    documented = {"ceilometer": "2", "gnocchi": "1.0", "murano": "1.0", "trove": "1.0"}
    assert {name: versions[name] for name in documented} == documented
    assert {each["name"]: each["figures"] for each in found}["gnocchi"] == {"measures_waiting": 444}


@pytest.mark.slow
def test_refused_is_not_down_and_failed_is(region: tuple[ServiceSource, dict[str, int]]) -> None:
    made, instead = region
    instead |= {"/volume/v3/os-services": 403, "/placement/resource_providers": 503}
    assert states(made) == {**HEALTHY, "cinder": "not permitted", "placement": "down"}
    instead |= {"/placement/resource_providers": 403}
    (placement,) = [each for each in made.fetch()["services"] if each["name"] == "placement"]
    assert (placement["state"], placement["version"]) == ("not permitted", "1.39")
    assert placement["latency"] is not None, "that it answers is known all the same"


@pytest.mark.slow
def test_without_a_token_keystone_is_down_and_others_are_unknown(
    region: tuple[ServiceSource, dict[str, int]],
) -> None:
    made, instead = region
    assert states(made) == HEALTHY
    instead["token"] = 500
    assert states(made) == {**dict.fromkeys(HEALTHY, "unknown"), "keystone": "down"}
    del instead["token"]
    assert states(made) == HEALTHY


@pytest.mark.slow
def test_a_region_that_does_not_answer_leaves_the_others_exact(store: Store, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with recorded_cloud(tmp_path, regions={"Two": "", "Three": gone}) as (file, _):
        made = ServiceSource(Plan((Cloud("prod", timeout=20.0),)), store, 30.0, str(file))
        found = made.fetch()["services"]
    states = {f"{each['region']}/{each['name']}": each["state"] for each in found}
    here = {f"RegionOne/{name}": state for name, state in HEALTHY.items()}
    two = {"Two/nova": HEALTHY["nova"], "Two/glance": HEALTHY["glance"]}
    assert states == {**here, **two, "Three/nova": "down", "Three/glance": "down"}
    parts = {each["region"]: [part[:3] for part in each["parts"]] for each in found if each["name"] == "nova"}
    assert parts["Two"] == parts["RegionOne"] != parts["Three"] == []
    stands_on = {each.name: each.stands_on for each in facts({"services": found}, made.plan).services}
    assert stands_on["prod/Two/nova"] == ("prod/RegionOne/keystone",), "the one that regions share"
