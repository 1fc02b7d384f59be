"""A cloud's answers become a fleet; what it does not answer is named, and the rest is still there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack_api import FakeCloud, fake_cloud

from argus.correlator.capacity.drift import drifts
from argus.correlator.capacity.fit import fit
from argus.correlator.capacity.free import balances
from argus.correlator.capacity.model import ANTI, Fleet
from argus.correlator.capacity.quotas import promises
from argus.correlator.capacity.report import report
from argus.openstack import documents
from argus.openstack.clouds import open_clouds
from argus.openstack.inventory import Reader

TWO = Path(__file__).parents[1] / "fixtures/openstack/two_computes.json"  # cmp1 is well, cmp2 died
CMP2 = "aaaaaaaa-0000-4000-8000-000000000002"
NOW = 1_780_000_000.0


@pytest.fixture
def fake() -> Iterator[FakeCloud]:
    with fake_cloud() as cloud:
        cloud.answers.update(json.loads(TWO.read_text()))
        yield cloud


@pytest.fixture
def reader(fake: FakeCloud, tmp_path: Path) -> Reader:
    (cloud,) = open_clouds(["fake"], str(fake.clouds_yaml(tmp_path)), timeout=20)
    return Reader(cloud)


def fleet(reader: Reader) -> Fleet:
    return documents.fleet("fake", reader.read(NOW), NOW, ["rack1"])


def test_a_fleet_is_what_the_apis_told(reader: Reader) -> None:
    made = fleet(reader)
    assert dict(made.missing) == {}
    one, two = made.hosts
    assert (one.name, one.zone, one.rack, one.closed) == ("cmp1", "az1", "rack1", "")
    assert (two.name, two.zone, two.closed) == ("cmp2", "nova", "down")
    assert {guest.name: (guest.host, guest.policy) for guest in made.guests} == {
        "web1": ("cmp1", ANTI),
        "db1": ("cmp1", ANTI),
    }
    assert balances(made)["MEMORY_MB"].capacity == int(32256 * 1.5) + int(65024 * 1.5)
    assert fit(made.hosts, made.flavors[0].request).count == 3, "memory: (48384 - 16384) // 8192"


NFS = "aaaaaaaa-0000-4000-8000-0000000000ff"


def share_disk(fake: FakeCloud) -> None:
    """Take the disks of both computes away, and let them share one, on which web1 has 20 GiB."""
    root = {"uuid": NFS, "name": "nfs", "generation": 1, "root_provider_uuid": NFS}
    fake.answers["/resource_providers"]["resource_providers"].append({**root, "parent_provider_uuid": None})
    for path, answer in list(fake.answers.items()):
        if path.endswith("/inventories"):
            answer["inventories"].pop("DISK_GB")
        if path.endswith("/allocations"):
            for held in answer["allocations"].values():
                held["resources"].pop("DISK_GB", None)
    disk = {
        "total": 100,
        "reserved": 0,
        "allocation_ratio": 1.0,
        "min_unit": 1,
        "max_unit": 100,
        "step_size": 1,
    }
    at, generation = f"/resource_providers/{NFS}", {"resource_provider_generation": 1}
    fake.answers |= {
        f"{at}/inventories": {"inventories": {"DISK_GB": disk}, **generation},
        f"{at}/allocations": {"allocations": {"g1": {"resources": {"DISK_GB": 20}}}, **generation},
        f"{at}/traits": {"traits": ["MISC_SHARES_VIA_AGGREGATE"], **generation},
        f"{at}/aggregates": {"aggregates": ["agg-1"], **generation},
    }


def test_a_shared_disk_is_there_once_and_is_nobodys_second_home(fake: FakeCloud, reader: Reader) -> None:
    share_disk(fake)
    made = fleet(reader)
    assert dict(made.missing) == {}
    assert [host.name for host in made.hosts] == ["cmp1", "cmp2"]
    disk = balances(made)["DISK_GB"]
    assert (disk.capacity, disk.used, disk.open) == (100, 20, 80)
    assert {(each.kind, each.subject) for each in drifts(made)} == {("doubled", "g2"), ("leaked", "nobody")}
    (web1,) = [guest for guest in made.guests if guest.name == "web1"]
    assert web1.request.pools == {NFS}
    assert "DISK_GB" not in dict(web1.request.needs)
    assert fit(made.hosts, made.flavors[0].request).by_host[0][0] == "cmp1"


def test_a_shared_disk_of_which_nobody_tells_who_has_it_is_named(fake: FakeCloud, reader: Reader) -> None:
    share_disk(fake)
    fake.answers[f"/resource_providers/{NFS}/aggregates"] = 403
    blind = fleet(reader)
    assert fit(blind.hosts, blind.flavors[0].request).count == 0
    assert "with whom it shares: not permitted" in blind.missing["placement"]


def test_an_evacuated_guest_is_counted_once_and_named(reader: Reader) -> None:
    made = fleet(reader)
    vcpus = balances(made)["VCPU"]
    assert (vcpus.used, vcpus.doubled, vcpus.taken) == (13, 4, 9)
    assert {(each.kind, each.host, each.subject) for each in drifts(made)} == {
        ("doubled", "cmp2", "g2"),
        ("leaked", "cmp2", "nobody"),
    }


def test_quotas_are_summed_and_the_unlimited_named(reader: Reader) -> None:
    cores, ram = promises(fleet(reader))
    assert (cores.limit, cores.capacity, cores.unlimited) == (20, 192, ())
    assert (ram.limit, ram.unlimited) == (0, ("shop",))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [403, 500, "garbage"])
@pytest.mark.parametrize(
    ("path", "part", "still"),
    [
        ("/servers/detail", "servers", "flavors"),
        ("/os-migrations", "migrations", "servers"),
        ("/flavors/detail", "flavors", "servers"),
        ("/projects", "quotas", "flavors"),
    ],
)
def test_one_call_that_fails_costs_its_own_answers_only(
    fake: FakeCloud, reader: Reader, path: str, part: str, still: str, fault: Any
) -> None:
    fake.answers[path] = fault
    made = fleet(reader)
    assert part in made.missing
    assert balances(made)["VCPU"].used == 13
    assert still not in made.missing
    assert report(made).losses == ({} if part == "servers" else {"host": 1, "rack": 1})


def test_hosts_take_nothing_while_nobody_knows_whether_they_are_up(fake: FakeCloud, reader: Reader) -> None:
    fake.answers["/os-services"] = 403
    made = fleet(reader)
    assert all("not permitted" in host.closed for host in made.hosts)
    assert balances(made)["VCPU"].capacity == 192


def test_a_provider_that_cannot_be_read_takes_nothing_and_is_named(fake: FakeCloud, reader: Reader) -> None:
    fake.answers[f"/resource_providers/{CMP2}/inventories"] = 503
    made = fleet(reader)
    assert "1 providers" in made.missing["placement"]
    assert "Placement does not tell" in made.hosts[1].closed
    assert made.hosts[0].closed == ""


def test_servers_of_a_cell_that_is_down_are_named_as_partial(fake: FakeCloud, reader: Reader) -> None:
    fake.answers["/servers/detail"]["servers"].append({"id": "g9", "status": "UNKNOWN"})
    made = fleet(reader)
    assert "1 servers are in a cell that is down" in made.missing["servers"]
    assert len(made.guests) == 2


def test_only_what_has_changed_is_asked_for_again(fake: FakeCloud, reader: Reader) -> None:
    reader.read(NOW)
    fake.seen.clear()
    fake.answers["/resource_providers"]["resource_providers"][0]["generation"] = 4
    assert fleet(reader).hosts[1].providers
    asked = [path for path, _ in fake.seen if path.startswith("/placement/resource_providers/")]
    assert len(asked) == 3
    assert not any(CMP2 in path for path in asked)


def test_hypervisors_are_asked_for_by_the_version_that_does_not_block(
    fake: FakeCloud, reader: Reader
) -> None:
    reader.read(NOW)
    headers = [h for path, h in fake.seen if "/os-hypervisors" in path]
    assert [each["OpenStack-API-Version"] for each in headers] == ["compute 2.87"]
