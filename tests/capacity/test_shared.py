"""A storage that several hosts share is there once, whoever draws on it."""

from __future__ import annotations

from dataclasses import replace

from fleets import ask, host, settle
from hypothesis import given
from hypothesis import strategies as st

from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.failover import Failover
from argus.correlator.capacity.fit import fit
from argus.correlator.capacity.free import balances
from argus.correlator.capacity.model import Allocation, Guest, Host, Inventory, Provider
from argus.correlator.capacity.overcommit import overcommit
from argus.correlator.capacity.stranded import stranded
from argus.correlator.capacity.whatif import with_hosts


def pool(total: int, used: int = 0, name: str = "nfs") -> Provider:
    return Provider(f"rp-{name}", {"DISK_GB": Inventory(total)}, {"DISK_GB": used}, shared=True, name=name)


def sharing(each: Host, *pools: Provider) -> Host:
    return replace(each, providers=(*each.providers, *pools))


def booted(rooms: list[int], storage: int, vcpu: int, disk: int) -> int:
    """Boot one after the other wherever one fits, as Placement admits them."""
    left, count = list(rooms), 0
    while storage >= disk and (found := [n for n, room in enumerate(left) if room >= vcpu]):
        left[found[0]] -= vcpu
        storage, count = storage - disk, count + 1
    return count


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.integers(0, 60),
    st.integers(1, 4),
    st.integers(1, 9),
)
def test_as_many_fit_as_hosts_and_their_common_storage_admit(
    rooms: list[int], storage: int, vcpu: int, disk: int
) -> None:
    hosts = [sharing(host(f"h{n}", room, 99), pool(storage)) for n, room in enumerate(rooms)]
    found = fit(hosts, ask(vcpu, 1, disk))
    assert found.count == booted(rooms, storage, vcpu, disk)
    assert found.ideal >= found.count


def test_a_disk_of_its_own_comes_first_and_pools_are_drawn_on_by_whoever_shares_them() -> None:
    own = Provider("rp-a-disk", {"DISK_GB": Inventory(20)})
    hosts = [
        sharing(host("a", 9, 99), own, pool(30)),
        sharing(host("b", 9, 99), pool(30)),
        sharing(host("c", 9, 99), pool(10, name="other")),
    ]
    found = fit(hosts, ask(1, 1, 10))
    assert found.count == 2 + 3 + 1
    assert dict(found.by_host) == {"a": 5, "b": 3, "c": 1}, "what each takes if the others take none"


def test_sums_have_it_once_and_only_hosts_that_take_guests_open_it() -> None:
    hosts = [sharing(host(n, 4, 9), pool(100, 40)) for n in "ab"]
    balance = balances(settle("f", hosts, []))["DISK_GB"]
    assert (balance.capacity, balance.used, balance.free, balance.open) == (100, 40, 60, 60)
    assert overcommit(hosts).promised["DISK_GB"] == 0.4
    shut = [replace(each, closed="down") for each in hosts]
    assert balances(settle("f", shut, []))["DISK_GB"].open == 0
    over = [sharing(host(n, 4, 9), pool(30, 40)) for n in "ab"]
    assert balances(settle("f", over, []))["DISK_GB"].over == ("nfs",)


def test_what_is_shared_is_stranded_on_no_host() -> None:
    hosts = [sharing(host("full", 0, 9), pool(100)), sharing(host("free", 4, 9), pool(100))]
    assert stranded(hosts, ask(1, 1, 1)) == {"DISK_GB": 0, "MEMORY_MB": 9, "VCPU": 0}


def test_who_holds_a_shared_storage_is_on_no_second_host() -> None:
    fleet = settle("f", [sharing(host("a", 4, 9), pool(100, 10))], [Guest("g", "a", ask(1, 1))])
    held = Allocation("g", "nfs", (("DISK_GB", 10),), shared=True)
    assert drifts(replace(fleet, allocations=(*fleet.allocations, held))) == ()
    lost = Allocation("nobody", "nfs", (("DISK_GB", 10),), shared=True)
    (leak,) = drifts(replace(fleet, allocations=(*fleet.allocations, held, lost)))
    assert (leak.kind, leak.host, leak.subject) == ("leaked", "nfs", "nobody")


def test_a_guest_moves_only_where_its_storage_is_and_needs_no_more_of_it() -> None:
    mine = ask(1, 1, pools=frozenset({"rp-nfs"}))
    hosts = [
        sharing(host("lost", 4, 9), pool(10, 10)),
        sharing(host("elsewhere", 4, 9), pool(99, name="other")),
    ]
    loss = Failover(settle("f", hosts, [Guest("g", "lost", mine)])).lose("lost", ["lost"])
    assert [guest.uuid for guest in loss.stranded] == ["g"]
    assert dict(fit(hosts[1:], mine).refused) == {"does not share the storage that it is on": 1}
    near = [*hosts, sharing(host("near", 4, 9), pool(10, 10))]
    loss = Failover(settle("f", near, [Guest("g", "lost", mine)])).lose("lost", ["lost"])
    assert [target for _, target in loss.moved] == ["near"]


def test_guests_that_must_take_of_a_pool_do_not_all_take_the_same_part() -> None:
    hosts = [
        host("lost", 9, 99),
        sharing(host("a", 1, 99), pool(10)),
        sharing(host("b", 1, 99), pool(10)),
    ]
    guests = [Guest(f"g{n}", "lost", ask(1, 1, 10)) for n in range(2)]
    loss = Failover(settle("f", hosts, guests)).lose("lost", ["lost"])
    assert (len(loss.moved), len(loss.stranded)) == (1, 1)


def test_a_further_host_shares_what_its_model_shares() -> None:
    fleet = settle("f", [sharing(host("a", 2, 9), pool(30, 10))], [])
    after = with_hosts(fleet, fleet.hosts[0], 2)
    assert balances(after)["DISK_GB"].used == 10
    assert fit(after.hosts, ask(1, 1, 10)).count == 2
