"""Capacity on a real control plane: every number is Placement's own, and what fits is what really boots."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from openstack.exceptions import BadRequestException

from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.fit import fit
from argus.correlator.capacity.free import balances
from argus.correlator.capacity.report import report
from argus.openstack import documents
from argus.openstack.clouds import open_clouds
from argus.openstack.inventory import Reader
from stack.components.openstack.config import ADMIN, MONITOR, READER
from stack.polling import wait_until as asked_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openstack.connection import Connection

    from argus.correlator.capacity.model import Fleet
    from stack.components.openstack.cloud import Cloud

pytestmark = pytest.mark.openstack

# Larger than any guest may be on cmp1 and cmp2 (max_unit), although cmp2 has room for one under its ratio.
HUGE = {"vcpus": 1, "ram": 90_000, "disk": 1}
SLOW = 120  # seconds for what a busy machine does in ten


def wait_until(condition: Callable[[], bool], every: float = 0.5) -> None:
    assert asked_until(condition, SLOW, every), f"not true within {SLOW} s"


def fleet_of(cloud: Cloud, who: str = MONITOR) -> Fleet:
    (argus,) = open_clouds([who], str(cloud.clouds_yaml), timeout=60)
    return documents.fleet(who, Reader(argus).read(time.time()), time.time(), ["rack1", "rack2"])


def placement(connection: Connection, path: str) -> Any:
    answer = connection.session.get(
        path,
        endpoint_filter={"service_type": "placement"},
        headers={"OpenStack-API-Version": "placement 1.39"},
    )
    return answer.json()


def holds_nothing(connection: Connection, server: str) -> bool:
    return not placement(connection, f"/allocations/{server}")["allocations"]


@contextmanager
def flavor(connection: Connection, name: str, **sizes: int) -> Iterator[Any]:
    made = connection.compute.create_flavor(name=name, **sizes)
    try:
        yield made
    finally:
        connection.compute.delete_flavor(made)


@contextmanager
def booted(connection: Connection, size: Any, number: int) -> Iterator[list[Any]]:
    """Boot guests and wait until each is ACTIVE or ERROR; they are gone afterwards."""
    image = connection.image.find_image("cirros-fake", ignore_missing=False)
    servers = [
        connection.compute.create_server(
            name=f"capacity{n}", flavor_id=size.id, image_id=image.id, networks="none"
        )
        for n in range(number)
    ]

    def states() -> list[Any]:
        return [connection.compute.get_server(each.id) for each in servers]

    try:
        wait_until(lambda: all(each.status in {"ACTIVE", "ERROR"} for each in states()))
        yield states()
    finally:
        for each in servers:
            connection.compute.delete_server(each.id, force=False, ignore_missing=True)
        for each in servers:
            connection.compute.wait_for_delete(each, wait=SLOW)
            # Nova forgets a server before Placement has what it held back.
            wait_until(partial(holds_nothing, connection, each.id))


def test_every_figure_is_placements_own(cloud: Cloud) -> None:
    fleet = fleet_of(cloud)
    assert not fleet.missing
    with cloud.connect(ADMIN) as connection:
        told = placement(connection, "/allocation_candidates?resources=VCPU:1")["provider_summaries"]
        for host in fleet.hosts:
            (provider,) = host.providers
            for kind, figures in told[provider.uuid]["resources"].items():
                assert provider.inventories[kind].capacity == figures["capacity"]
                assert provider.used.get(kind, 0) == figures["used"]
            usages = placement(connection, f"/resource_providers/{provider.uuid}/usages")["usages"]
            assert {k: provider.used.get(k, 0) for k in usages} == usages
    assert {host.name: host.zone for host in fleet.hosts} == {"cmp1": "az1", "cmp2": "az2", "cmp3": "nova"}
    assert [host.rack for host in fleet.hosts] == ["rack1", "rack2", ""]
    assert drifts(fleet) == ()
    assert {guest.name for guest in fleet.guests} >= {"web1", "db1", "batch1"}


def test_as_many_boot_as_argus_says_and_the_next_finds_no_valid_host(cloud: Cloud) -> None:
    with cloud.connect(ADMIN) as connection, flavor(connection, "argus.huge", **HUGE) as huge:
        connection.set_compute_quotas("admin", cores=-1, ram=-1, instances=-1)
        fleet = fleet_of(cloud)
        size = fleet.flavor("argus.huge")
        assert size is not None
        told = fit(fleet.hosts, size.request)
        assert {name for name, _ in told.by_host} == {"cmp3"}
        assert told.count >= 2
        with booted(connection, huge, told.count) as servers:
            assert {each.status for each in servers} == {"ACTIVE"}
            full = fleet_of(cloud)
            assert fit(full.hosts, size.request).count == 0
            with booted(connection, huge, 1) as (further,):
                assert further.status == "ERROR"
                assert "No valid host" in further.fault["message"]


@contextmanager
def dead(cloud: Cloud, connection: Connection, host: str) -> Iterator[None]:
    """A compute that is killed and forced down; it is back, and has cleaned up, afterwards."""
    (service,) = connection.compute.services(binary="nova-compute", host=host)
    cloud.kill(f"nova-compute-{host}")

    def back() -> bool:
        try:
            connection.compute.update_service_forced_down(service, forced=False)
        except BadRequestException:  # its evacuations are not completed before it has seen to them
            return False
        (now,) = connection.compute.services(binary="nova-compute", host=host)
        return bool(now.state == "up" and not now.is_forced_down)

    try:
        connection.compute.update_service_forced_down(service, forced=True)
        yield
    finally:
        cloud.start(f"nova-compute-{host}")
        wait_until(back, every=2)


def test_a_dead_compute_takes_nothing_and_an_evacuated_guest_counts_once(cloud: Cloud) -> None:
    before = fleet_of(cloud)
    whole, large = balances(before)["VCPU"], before.flavor("m1.large")
    assert large is not None
    with (
        cloud.connect(ADMIN) as connection,
        flavor(connection, "argus.tiny", vcpus=3, ram=512, disk=1) as tiny,
        booted(connection, tiny, 1) as (server,),
    ):
        home = server.compute_host
        with dead(cloud, connection, home):
            hurt = fleet_of(cloud)
            assert {host.name: host.closed for host in hurt.hosts if host.closed} == {home: "forced down"}
            rest = [host for host in before.hosts if host.name != home]
            assert fit(hurt.hosts, large.request).count == fit(rest, large.request).count
            assert fit(rest, large.request).count < fit(before.hosts, large.request).count
            connection.compute.evacuate_server(server)
            wait_until(lambda: connection.compute.get_server(server.id).compute_host != home)
            moved = fleet_of(cloud)
            balance = balances(moved)["VCPU"]
            assert balance.used == whole.used + 6  # Placement holds it on both hosts
            assert (balance.doubled, balance.taken) == (3, whole.used + 3)

            def doubled() -> list[tuple[str, str]]:  # nothing is said of it while Nova is still moving it
                found = drifts(fleet_of(cloud))
                return [(each.host, each.subject) for each in found if each.kind == "doubled"]

            wait_until(lambda: doubled() != [], every=2)
            assert doubled() == [(home, server.id)]
        wait_until(lambda: balances(fleet_of(cloud))["VCPU"].used == whole.used + 3, every=2)


@contextmanager
def child(connection: Connection, parent: str, name: str, kind: str, total: int) -> Iterator[str]:
    """A nested provider below a compute, as Cyborg and PCI in Placement make them."""
    at = {"service_type": "placement"}
    head = {"OpenStack-API-Version": "placement 1.39"}
    send = partial(connection.session.request, endpoint_filter=at, headers=head)
    send(f"/resource_classes/{kind}", "PUT")
    body = {"name": name, "parent_provider_uuid": parent}
    uuid = send("/resource_providers", "POST", json=body).json()["uuid"]
    offer = {"resource_provider_generation": 0, "inventories": {kind: {"total": total}}}
    send(f"/resource_providers/{uuid}/inventories", "PUT", json=offer)
    try:
        yield uuid
    finally:
        send(f"/resource_providers/{uuid}", "DELETE")


def test_nested_providers_and_traits_are_judged_as_placement_judges_them(cloud: Cloud) -> None:
    kind, name = "CUSTOM_ARGUS_CARD", "argus.card"
    with (
        cloud.connect(ADMIN) as connection,
        flavor(connection, name, vcpus=1, ram=64, disk=1) as size,
        flavor(connection, "argus.never", vcpus=1, ram=64, disk=1) as never,
    ):
        parent = next(
            row["uuid"]
            for row in placement(connection, "/resource_providers")["resource_providers"]
            if row["name"] == "cmp2"
        )
        connection.compute.create_flavor_extra_specs(size, {f"resources:{kind}": "1"})
        connection.compute.create_flavor_extra_specs(never, {"trait:COMPUTE_NODE": "forbidden"})
        with child(connection, parent, "argus-card", kind, 2):
            fleet = fleet_of(cloud)
            wanted, excluded = fleet.flavor(name), fleet.flavor("argus.never")
            assert wanted is not None
            assert excluded is not None
            asked = f"/allocation_candidates?resources=VCPU:1,MEMORY_MB:64,DISK_GB:1,{kind}:1"
            told = placement(connection, asked)["allocation_requests"]
            assert {uuid for each in told for uuid in each["allocations"]} >= {parent}
            assert fit(fleet.hosts, wanted.request).by_host == (("cmp2", 2),)
            assert fit(fleet.hosts, excluded.request).count == 0
            with booted(connection, size, 2) as servers:
                assert {each.compute_host for each in servers} == {"cmp2"}
                assert fit(fleet_of(cloud).hosts, wanted.request).count == 0


@contextmanager
def storage(connection: Connection, kind: str, total: int, *hosts: str) -> Iterator[str]:
    """A provider that shares a resource with some computes, as operators make one of a common storage."""
    at = {"service_type": "placement"}
    head = {"OpenStack-API-Version": "placement 1.39"}
    send = partial(connection.session.request, endpoint_filter=at, headers=head)
    send(f"/resource_classes/{kind}", "PUT")
    uuid = send("/resource_providers", "POST", json={"name": "argus-storage"}).json()["uuid"]
    providers = placement(connection, "/resource_providers")["resource_providers"]

    def put(provider: str, path: str, **body: object) -> None:
        row = placement(connection, f"/resource_providers/{provider}")
        body |= {"resource_provider_generation": row["generation"]}
        send(f"/resource_providers/{provider}/{path}", "PUT", json=body)

    def aggregates(change: Callable[[set[str]], set[str]]) -> None:
        for row in providers:
            if row["name"] in hosts:
                own = placement(connection, f"/resource_providers/{row['uuid']}/aggregates")["aggregates"]
                put(row["uuid"], "aggregates", aggregates=sorted(change(set(own))))

    put(uuid, "inventories", inventories={kind: {"total": total}})
    put(uuid, "traits", traits=["MISC_SHARES_VIA_AGGREGATE"])
    put(uuid, "aggregates", aggregates=[uuid])
    aggregates(lambda own: own | {uuid})
    try:
        yield uuid
    finally:
        aggregates(lambda own: own - {uuid})
        send(f"/resource_providers/{uuid}", "DELETE")


def test_what_computes_share_is_there_once_and_boots_as_often_as_told(cloud: Cloud) -> None:
    kind, name = "CUSTOM_ARGUS_STORAGE", "argus.shared"
    with cloud.connect(ADMIN) as connection, flavor(connection, name, vcpus=1, ram=64, disk=1) as size:
        connection.compute.create_flavor_extra_specs(size, {f"resources:{kind}": "2"})
        with storage(connection, kind, 5, "cmp2", "cmp3"):
            fleet = fleet_of(cloud)
            wanted = fleet.flavor(name)
            assert wanted is not None
            told = fit(fleet.hosts, wanted.request)
            assert (told.count, dict(told.by_host)) == (2, {"cmp2": 2, "cmp3": 2})
            assert balances(fleet)[kind].capacity == 5
            with booted(connection, size, told.count) as servers:
                assert {each.status for each in servers} == {"ACTIVE"}
                full = fleet_of(cloud)
                assert balances(full)[kind].used == 4
                assert fit(full.hosts, wanted.request).count == 0
                assert drifts(full) == (), "who holds the storage is on no second host"
                with booted(connection, size, 1) as (further,):
                    assert "No valid host" in further.fault["message"]


def test_a_leaked_allocation_and_an_odd_ratio_are_found(cloud: Cloud) -> None:
    ghost = "00000000-0000-4000-8000-00000000a905"
    with cloud.connect(ADMIN) as connection:
        project = connection.current_project_id
        at = {"service_type": "placement"}
        head = {"OpenStack-API-Version": "placement 1.39"}
        send = partial(connection.session.request, endpoint_filter=at, headers=head)
        (uuid,) = [
            row["uuid"]
            for row in placement(connection, "/resource_providers")["resource_providers"]
            if row["name"] == "cmp3"
        ]
        body = {
            "allocations": {uuid: {"resources": {"VCPU": 1}}},
            "project_id": project,
            "user_id": project,
            "consumer_generation": None,
            "consumer_type": "INSTANCE",
        }

        def ratio(value: float) -> float:
            """Set that of cmp3's VCPU; returns what it was."""
            offers = placement(connection, f"/resource_providers/{uuid}/inventories")
            offer = offers["inventories"]["VCPU"]
            generation = offers["resource_provider_generation"]
            odd = {**offer, "allocation_ratio": value, "resource_provider_generation": generation}
            send(f"/resource_providers/{uuid}/inventories/VCPU", "PUT", json=odd)
            return float(offer["allocation_ratio"])

        usual = 4.0
        aggregate = connection.compute.create_aggregate(name="argus-pair")
        try:
            for name in ("cmp2", "cmp3"):
                connection.compute.add_host_to_aggregate(aggregate, name)
            send(f"/allocations/{ghost}", "PUT", json=body)
            usual = ratio(3.0)
            found = {(each.kind, each.host, each.subject) for each in drifts(fleet_of(cloud))}
            assert ("leaked", "cmp3", ghost) in found
            # Two hosts, two ratios: either may be called the odd one.
            assert {subject for kind, _, subject in found if kind == "ratio"} == {"argus-pair VCPU"}
        finally:
            send(f"/allocations/{ghost}", "DELETE")
            ratio(usual)
            for name in ("cmp2", "cmp3"):
                connection.compute.remove_host_from_aggregate(aggregate, name)
            connection.compute.delete_aggregate(aggregate)


def test_a_role_that_may_not_read_names_what_is_missing(cloud: Cloud) -> None:
    (argus,) = open_clouds([READER], str(cloud.clouds_yaml), timeout=60)
    read = Reader(argus).read(time.time())
    assert {"providers", "hypervisors", "services", "aggregates"} <= read.missing.keys()
    assert all("not permitted" in read.missing[part] for part in ("providers", "hypervisors", "services"))
    assert read.flavors, "flavors are for everybody"
    fleet = documents.fleet("reader", read, time.time())
    assert report(fleet).missing["providers"].startswith("not permitted")
