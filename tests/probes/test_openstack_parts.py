"""What services tell of their parts is read as recorded, and whatever else they may say is survived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus.probes.openstack import cinder, gnocchi, horizon, neutron, nova
from argus.probes.openstack.api import newest, rows
from argus.probes.openstack.regions import read
from argus.probes.outcome import Part, State, of_parts
from argus.probes.wire import BlindError

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def states(parts: list[Part]) -> dict[str, str]:
    return {part.name: part.state.value for part in parts}


def test_nova_names_what_is_down_and_what_was_disabled_on_purpose(recorded: Callable[[str], Any]) -> None:
    parts = nova.services(rows(recorded("nova_services.json"), "services"))
    assert states(parts) == {
        "nova-scheduler@ctl1": "up",
        "nova-conductor@ctl1": "up",
        "nova-compute@cmp1": "disabled",
        "nova-compute@cmp2": "down",
        "nova-compute@cmp3": "up",
    }
    down = next(part for part in parts if part.state is State.DOWN)
    assert down.since == nova.moment("2026-11-22T05:53:51+00:00")
    assert next(part for part in parts if part.host == "cmp1").message == "maintenance (Argus lab)"


def test_a_cell_that_does_not_answer_is_unknown_and_no_outage() -> None:
    (part,) = nova.services([{"binary": "nova-compute", "host": "cmp9", "status": "UNKNOWN"}])
    assert part.state is State.UNKNOWN


def test_neutron_names_the_silent_agent(recorded: Callable[[str], Any]) -> None:
    parts = neutron.agents(rows(recorded("neutron_agents.json"), "agents"))
    assert [part.name for part in parts if part.state is State.DOWN] == ["neutron-openvswitch-agent@cmp2"]
    assert of_parts(parts)[0] is State.DEGRADED


def test_the_only_volume_service_down_is_an_outage(recorded: Callable[[str], Any]) -> None:
    parts = nova.services(rows(recorded("cinder_services.json"), "services"))
    assert of_parts(parts) == (State.DOWN, "0 of 1 cinder-volume up")


def test_an_infinite_pool_is_not_full_and_not_counted(recorded: Callable[[str], Any]) -> None:
    assert cinder.pools(rows(recorded("cinder_pools.json"), "pools")) == ("", {"pools": 1.0})
    full = {"name": "a#b", "capabilities": {"total_capacity_gb": 100, "free_capacity_gb": 5}}
    assert cinder.pools([full])[0] == "pool a#b is 95% full"


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.sampled_from(["binary", "host", "state", "status", "updated_at"]), JSON)))
def test_any_row_of_services_becomes_one_part(found: list[dict[str, Any]]) -> None:
    assert len(nova.services(found)) == len(neutron.agents(found)) == len(found)


@given(JSON)
def test_a_capacity_is_a_finite_number_or_nothing(value: Any) -> None:
    number = cinder.gigabytes(value)
    assert number is None or abs(number) < float("inf")


@given(JSON)
def test_any_document_of_versions_gives_a_text(document: Any) -> None:
    assert isinstance(newest(document), str)


@pytest.mark.parametrize(
    ("document", "version"),
    [
        ({"versions": [{"id": "v2.0", "version": ""}, {"id": "v2.1", "version": "2.100"}]}, "2.100"),
        ({"versions": {"values": [{"id": "v3.14"}]}}, "3.14"),
        ({"versions": [{"id": "v2.9"}, {"id": "v2.17"}]}, "2.17"),
        ({"version": {"id": "v3.14"}}, "3.14"),
    ],
)
def test_the_newest_version_is_found_in_every_shape(document: Any, version: str) -> None:
    assert newest(document) == version


def test_other_shapes_are_said_to_be_such() -> None:
    with pytest.raises(BlindError, match="no list services"):
        rows({"error": "x"}, "services")


def test_gnocchi_is_in_trouble_once_measures_pile_up(recorded: Callable[[str], Any]) -> None:
    status = recorded("gnocchi_status.json")
    assert gnocchi.judge(status, 0.1, "1.0").state is State.UP
    status["storage"]["summary"]["measures"] = gnocchi.BEHIND + 1
    found = gnocchi.judge(status, 0.1, "1.0")
    assert (found.state, found.trouble) == (State.DEGRADED, "10001 measures wait to be processed")
    assert gnocchi.judge({"storage": None}, 0.1, "1.0").figures == {}, "not told is not zero"


def test_a_login_page_needs_its_form(text: Callable[[str], str]) -> None:
    page = text("horizon_login.html")
    assert horizon.lacks(page) == ""
    without = page.replace('type="password" name="password"', 'type="text" name="password"')
    assert horizon.lacks(without) == "field for a password", "the hidden one is none"
    assert horizon.lacks(text("horizon_error.html")) == "form that is sent by POST"


def test_the_catalogue_gives_each_region_its_services() -> None:
    def at(region: str, interface: str = "public") -> dict[str, str]:
        return {"interface": interface, "region_id": region, "url": f"http://{region}.{interface}"}

    catalogue: list[dict[str, Any]] = [
        {"type": "compute", "endpoints": [at("one"), at("two"), at("one", "internal")]},
        {"type": "volumev3", "endpoints": [at("two")]},
        {"type": "unheard-of", "endpoints": [at("one")]},
    ]
    assert read(catalogue, "public") == {
        "one": {"nova": "http://one.public"},
        "two": {"nova": "http://two.public", "cinder": "http://two.public"},
    }


@given(st.lists(st.builds(Part, st.sampled_from("ab"), st.text(max_size=2), st.sampled_from(State))))
def test_a_service_is_up_only_when_no_part_is_known_to_be_worse(parts: list[Part]) -> None:
    state, message = of_parts(parts)
    bad = {part.state for part in parts} - {State.UP, State.DISABLED}
    assert (state is State.UP) is not bool(bad)
    assert bool(message) is (state is not State.UP)
