"""What Zabbix and Prometheus are told of a service: what is known, and nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from argus.catalogue import openstack_service
from argus.correlator.service import State
from argus.services_values import NUMBER, document, exported, samples

STATES = st.sampled_from([state.value for state in State])
PARTS = st.lists(
    st.tuples(st.sampled_from(["nova-compute", "vip"]), st.sampled_from(["", "cmp1", "cmp2"]), STATES),
    unique_by=lambda part: part[:2],
)
ENTRIES = st.fixed_dictionaries(
    {
        "cloud": st.just("prod"),
        "region": st.just("one"),
        "name": st.just("nova"),
        "state": STATES,
        "message": st.text(max_size=5),
        "since": st.just(1.0),
        "version": st.sampled_from(["", "2.93"]),
        "latency": st.none() | st.just(0.2),
        "spent": st.none() | st.just(0.5),
        "burn": st.none() | st.just(2.0),
        "figures": st.dictionaries(st.sampled_from(["queues", "messages"]), st.floats(0, 9)),
        "parts": PARTS.map(lambda parts: [[*part, "", 1.0, ""] for part in parts]),
    }
)


@given(ENTRIES)
def test_every_service_has_a_state_and_what_is_not_known_is_absent(entry: dict[str, Any]) -> None:
    made = document(entry)
    assert made.get("probe_status") == NUMBER.get(State(entry["state"]))
    assert made["probe_detail"], "a state without a number is told in words"
    for field, name in (
        ("probe_latency_seconds", "latency"),
        ("budget_spent_ratio", "spent"),
        ("budget_burn", "burn"),
    ):
        assert made.get(field) == entry[name]
    said = [part for part in entry["parts"] if part[2] != "disabled"]
    assert {row["instance"] for row in made.get("instances", ())} == {
        f"{kind}@{host}".rstrip("@") for kind, host, *_ in said
    }
    works = [row.get("instance_up") for row in made.get("instances", ())]
    assert works.count(1) == made.get("probe_instances_up", 0)
    assert works.count(None) == sum(part[2] in {"unknown", "not permitted"} for part in said)
    assert {row["figure"]: row["figure_value"] for row in made.get("figures", ())} == entry["figures"]


@given(ENTRIES)
def test_what_is_told_is_in_the_catalogue(entry: dict[str, Any]) -> None:
    known = openstack_service.SUBSYSTEM
    assert {sample.metric for sample in samples(entry)} <= set(known.metrics)
    assert {sample.metric for sample in exported(entry)} <= set(known.exported)
    states = {sample.labels[-1]: sample.value for sample in exported(entry) if sample.metric.field == "state"}
    assert [state for state, value in states.items() if value] == [entry["state"]]
