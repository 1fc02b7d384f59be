"""What is left, what fits, who disagrees: each answer beside a plain count of the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fleets import ask, host, settle
from hypothesis import given
from hypothesis import strategies as st

from argus.correlator.capacity import flavors
from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.fit import fit, on_host
from argus.correlator.capacity.free import balances
from argus.correlator.capacity.model import Allocation, Cell, Guest, Inventory, Move, Pain, Provider
from argus.correlator.capacity.noisy import LIMITS, Usage, is_waiting, noises
from argus.correlator.capacity.numa import groups_of
from argus.correlator.capacity.report import of_payload, payload, report
from argus.correlator.capacity.stranded import stranded
from argus.correlator.capacity.whatif import boot, with_hosts

AMOUNTS = st.integers(0, 40)


def admitted(inventory: Inventory, used: int, amount: int) -> bool:
    """Placement's own test of one allocation: placement/objects/allocation.py _check_capacity_exceeded."""
    capacity = int((inventory.total - inventory.reserved) * inventory.ratio)
    in_units = inventory.min_unit <= amount <= inventory.max_unit and amount % inventory.step == 0
    return in_units and capacity >= used + amount


@given(
    st.integers(0, 64),
    st.integers(0, 8),
    st.sampled_from([1.0, 1.5, 4.0, 0.9]),
    AMOUNTS,
    st.integers(1, 9),
    st.integers(1, 12),
    st.integers(1, 3),
)
def test_as_many_fit_as_placement_would_admit_one_after_the_other(
    total: int, reserved: int, ratio: float, used: int, amount: int, largest: int, step: int
) -> None:
    inventory = Inventory(total, reserved, ratio, 1, largest, step)
    target = replace(host("h", 1, 1), providers=(Provider("p", {"VCPU": inventory}, {"VCPU": used}),))
    count, now = 0, used
    while admitted(inventory, now, amount):
        count, now = count + 1, now + amount
    assert on_host(target, ask(amount)) == count


def test_a_negative_balance_is_shown_and_named() -> None:
    fleet = settle("f", [host("h", 2, 9)], [Guest("g", "h", ask(5, 1))])
    balance = balances(fleet)["VCPU"]
    assert (balance.free, balance.open, balance.over) == (-3, 0, ("h",))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(1, 3))
def test_spreading_over_cells_counts_as_placing_one_by_one_does(room: list[int], width: int) -> None:
    left, count = list(room), 0
    while len([each for each in left if each]) >= width:
        for index in sorted(range(len(left)), key=lambda i: -left[i])[:width]:
            left[index] -= 1
        count += 1
    assert groups_of(room, width) == count


def test_huge_pages_limit_what_placement_would_let_in() -> None:
    cells = (Cell(0, {1048576: 3}), Cell(1, {1048576: 5}))
    target = host("h", 64, 64 * 1024, cells=cells)
    assert on_host(target, ask(1, 2048, page=1048576)) == 3
    assert on_host(target, ask(1, 4096, page=1048576, cells=2)) == 1
    assert on_host(replace(target, cells=None), ask(1, 2048, page=1048576)) == 0


def test_why_a_host_takes_none_is_said() -> None:
    hosts = [
        host("full", 1, 1),
        host("off", 9, 9, closed="disabled"),
        host("plain", 9, 9),
    ]
    found = fit(hosts, ask(2, 1, required=frozenset({"HW_SSD"})))
    assert dict(found.refused) == {"disabled": 1, "lacks the trait HW_SSD": 2}
    assert dict(fit(hosts, ask(2, 1)).refused) == {"disabled": 1, "VCPU is used up": 1}


def test_fragments_and_what_is_stranded_beside_them() -> None:
    hosts = [host("a", 3, 100), host("b", 3, 100)]
    found = fit(hosts, ask(2, 10))
    assert (found.count, found.ideal) == (2, 3)
    assert stranded([host("c", 1, 100)], ask(2, 10)) == {"VCPU": 1, "MEMORY_MB": 100}


def test_a_flavor_asks_what_nova_would_ask() -> None:
    row = {
        "name": "f",
        "vcpus": 4,
        "ram": 1024,
        "disk": 10,
        "OS-FLV-EXT-DATA:ephemeral": 5,
        "swap": 1500,
        "extra_specs": {
            "hw:cpu_policy": "dedicated",
            "trait:HW_SSD": "required",
            "trait:SLOW": "forbidden",
            "resources:CUSTOM_GPU": "1",
            "hw:mem_page_size": "1GB",
            "aggregate_instance_extra_specs:kind": "<or> a <or> b",
        },
    }
    made = flavors.flavor(row).request
    assert dict(made.needs) == {"PCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 17, "CUSTOM_GPU": 1}
    assert (made.required, made.forbidden, made.page) == (frozenset({"HW_SSD"}), frozenset({"SLOW"}), 1048576)
    assert made.specs == (("kind", frozenset({"a", "b"})),)
    assert dict(flavors.request(row, from_volume=True).needs)["DISK_GB"] == 7
    assert "pci" in flavors.request({**row, "extra_specs": {"pci_passthrough:alias": "x:1"}}).unjudged


def test_a_migration_holds_its_source_once_and_is_no_leak_until_it_is_over() -> None:
    fleet = settle("f", [host("a", 9, 9), host("b", 9, 9)], [Guest("g", "b", ask(2, 1))])
    moving = replace(
        fleet,
        allocations=(*fleet.allocations, Allocation("m", "a", (("VCPU", 2),))),
        moves=(Move("m", "g", "a", "b", "running"),),
    )
    assert balances(moving)["VCPU"].doubled == 2
    assert drifts(moving) == ()
    over = replace(moving, moves=(replace(moving.moves[0], status="completed"),))
    assert [each.kind for each in drifts(over)] == ["leaked"]


def test_domains_that_nova_does_not_know_and_the_other_way_round() -> None:
    fleet = settle("f", [host("a", 9, 9, defined=frozenset({"x"}))], [Guest("g", "a", ask(1, 1))])
    assert [(each.kind, each.subject) for each in drifts(fleet)] == [
        ("missing_domain", "g"),
        ("unknown_domain", "x"),
    ]


def test_ratios_that_differ_in_an_aggregate_and_inventory_beyond_the_hardware() -> None:
    hosts = [host(n, 8, 8, ratio=4.0, aggregates=("r",)) for n in "ab"]
    hosts.append(replace(host("c", 8, 8, ratio=2.0, aggregates=("r",)), memory=4))
    kinds = [(each.kind, each.host) for each in drifts(settle("f", hosts, []))]
    assert kinds == [("inventory", "c"), ("ratio", "c")]


def test_what_was_not_read_is_not_compared() -> None:
    fleet = settle("f", [host("a", 9, 9)], [])
    fleet = replace(fleet, allocations=(Allocation("x", "a", (("VCPU", 1),)),))
    assert [each.kind for each in drifts(fleet)] == ["leaked"]
    assert drifts(replace(fleet, missing={"servers": "403"})) == ()


def test_the_neighbour_that_uses_most_is_named_and_nobody_where_none_stands_out() -> None:
    victim = Usage("v", "h", cpu=0.2, steal=0.3)
    loud = Usage("l", "h", "loud", "shop", cpu=7.0, steal=0.0)
    (noise,) = noises([victim, loud, Usage("far", "other", cpu=50.0)], LIMITS)
    assert (noise.victim.uuid, noise.resource) == ("v", "cpu")
    assert [(each.usage.uuid, round(each.share, 2)) for each in noise.suspects] == [("l", 0.97)]
    crowd = [Usage(f"c{n}", "h", cpu=0.3, steal=0.3) for n in range(10)]
    assert noises([victim, *crowd], LIMITS) == ()


def test_a_slow_disk_and_lost_packets_name_who_uses_disk_and_network_in_bytes_or_operations() -> None:
    mib = 2**20
    slow = Usage("v", "h", "web", disk=mib, disk_ops=10, net=mib, packets=100, latency=0.08, drops=0.0)
    lossy = Usage("w", "h", "dns", disk=0, disk_ops=0, net=mib, packets=900, latency=0.01, drops=25.0)
    random_reads = Usage("r", "h", "db", "shop", disk=mib, disk_ops=5000, net=0, packets=0)
    streams = Usage("s", "h", "tape", "ops", disk=200 * mib, disk_ops=200, net=300 * mib, packets=1000)
    texts = [noise.text for noise in noises([slow, lossy, random_reads, streams], LIMITS)]
    assert texts == [
        "dns on h loses 25 packets/s; of the network used there: tape (ops) 99% (300 MiB/s)",
        (
            "web on h waits 80 ms for an operation of its disk; of the disk used there: "
            "tape (ops) 99% (200 MiB/s), db (shop) 96% (5000 operations/s)"
        ),
    ]


def test_who_uses_next_to_nothing_is_not_blamed_on_a_host_that_others_keep_busy() -> None:
    victim = Usage("v", "h", cpu=0.1, steal=0.9, disk=0, latency=0.2, net=0, packets=0, drops=50)
    idle = Usage("i", "h", cpu=0.4, disk=900_000, disk_ops=40, net=900_000, packets=900)
    assert noises([victim, idle], LIMITS) == ()


@pytest.mark.parametrize(
    ("pain", "worth"),
    [
        (Pain(steal=0.2), True),
        (Pain(disk_latency=0.06), True),
        (Pain(losing=1), True),
        (Pain(steal=0.05, disk_latency=0.01, losing=0), False),
        (Pain(), False),
    ],
)
def test_guests_are_asked_for_only_where_the_node_says_that_one_waits(pain: Pain, worth: bool) -> None:
    assert is_waiting(pain, LIMITS) is worth


def test_whatif_adds_empty_hosts_and_boots() -> None:
    fleet = settle("f", [host("a", 4, 9)], [Guest("g", "a", ask(4, 1))])
    assert boot(fleet.hosts, ask(2, 1), 1)[0] is False
    assert boot(with_hosts(fleet, fleet.hosts[0], 2).hosts, ask(2, 1), 4)[0] is True


def test_a_report_comes_back_from_json_as_it_was() -> None:
    import json  # noqa: PLC0415  # only here

    hosts = [host("a", 4, 9, zone="z", aggregates=("r",)), host("b", 1, 1, zone="z")]
    made = report(settle("f", hosts, [Guest("g", "a", ask(4, 1))]))
    assert [each.unit for each in made.deficits] == ["a"]
    again = of_payload(json.loads(json.dumps(payload(made))))
    assert json.dumps(payload(again)) == json.dumps(payload(made))
    assert again.scope("aggregate:r") is not None
