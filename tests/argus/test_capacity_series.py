"""What Prometheus gets of a report: a figure that is not known has no sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fleets import ask, host, settle

from argus.correlator.capacity.model import Flavor, Guest, Pain
from argus.correlator.capacity.report import Neighbours, payload, report
from argus.exporter_capacity import families
from argus.store import snapshots

if TYPE_CHECKING:
    from argus.store.engine import Store

PLAIN, BOUND = Flavor("plain", ask(3, 1)), Flavor("bound", ask(3, 1, cells=1))


def test_every_answer_is_a_series_and_the_unknown_none(store: Store) -> None:
    hosts = [host("a", 4, 9, pain=Pain(stall=0.25, ballooned=8.0, cpu_stall=0.5)), host("b", 4, 9)]
    made = report(replace(settle("f", hosts, [Guest("g", "a", ask(2, 1))]), flavors=(PLAIN, BOUND)))
    days = {"full": 40.0, "early": 30.0, "late": None, "refused": ""}
    loud = Neighbours("web waits", "cpu", 0.2, True, ("all",))
    made = replace(made, noises=(loud, replace(loud, told=False)), forecasts={"all": {"VCPU": days}})
    with store.write() as session:
        snapshots.put(session, "capacity:f", payload(made), 100.0)
    with store.read() as session:
        samples = {
            (sample.name.removeprefix("argus_fleet_"), *sample.labels.values()): sample.value
            for family in families(session, 110.0)
            for sample in family.samples
        }
    assert samples["flavor_fits", "f", "all", "plain"] == 1
    assert ("flavor_fits", "f", "all", "bound") not in samples
    assert samples["flavor_may_fit", "f", "all", "bound"] == 1
    assert samples["flavor_fragmentation_ratio", "f", "all", "plain"] == 0.5
    assert samples["worst_memory_stall_ratio", "f", "all"] == 0.25
    assert samples["worst_cpu_stall_ratio", "f", "all"] == 0.5
    assert samples["full_in_days", "f", "all", "VCPU"] == 40
    assert samples["full_earliest_days", "f", "all", "VCPU"] == 30
    assert ("full_latest_days", "f", "all", "VCPU") not in samples
    assert (samples["hosts", "f", "all"], samples["hosts_over_capacity", "f", "all"]) == (2, 0)
    assert samples["worst_ballooned_bytes", "f", "all"] == 8
    assert ("worst_steal_ratio", "f", "all") not in samples
    assert samples["loss_guests_without_host", "f", "host"] == 0
    assert samples["noisy_neighbours", "f"] == 1
    assert samples["resource_stranded", "f", "all", "VCPU"] == 2
