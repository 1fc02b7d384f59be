"""Every fault of a real control plane is one incident with the right root, and is over when it is over."""

from __future__ import annotations

import copy
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from argus.probes.user_check import PREFIX
from argus.user_check_source import run_due
from stack.components.openstack.catalogue import identity
from stack.components.openstack.cloud import Cloud
from stack.components.openstack.config import ADMIN, MONITOR, READER
from stack.components.openstack.settings import DOWN_TIME, HOST
from stack.polling import wait_until
from tests.lab.cloud_watch import Watch, watching

pytestmark = pytest.mark.openstack

NOTICED = DOWN_TIME + 30  # s: the service's own time, one round, and what a slow machine may add
BACK = 120  # s: until everything reports again
R, TWO, THREE = "RegionOne", "RegionTwo", "RegionThree"
COMPUTES = {f"{R}/nova/nova-compute@cmp{n}" for n in (1, 2, 3)}


@pytest.fixture
def watch(cloud: Cloud, tmp_path: Path) -> Iterator[Watch]:
    with watching(cloud, tmp_path) as made:
        made.until(lambda bad: not bad, BACK)
        yield made
    assert made.still_open() == []


@contextmanager
def hurt(cloud: Cloud, *, killed: tuple[str, ...] = (), stopped: tuple[str, ...] = ()) -> Iterator[float]:
    """Some processes killed and some stopped (SIGSTOP) at once; all run again afterwards. When it began."""
    with ExitStack() as after:
        for name in killed:
            after.callback(cloud.start, name)
            cloud.kill(name)
        for name in stopped:
            after.callback(cloud.cont, name)
            cloud.stop(name)
        yield time.monotonic()


def wrong(*places: str) -> Callable[[dict[str, str]], bool]:
    return lambda bad: all(any(f"{R}/{place}" in each for each in bad) for place in places)


def opened_and_resolved(*roots: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((rule, f"{R}/{place}", kind) for rule, place in roots for kind in ("open", "resolve"))


@pytest.mark.faults
def test_one_of_each_kind_of_process(cloud: Cloud, watch: Watch) -> None:
    roots = (
        ("part_is_down", "nova/nova-compute@cmp1"),
        ("part_is_down", "nova/nova-compute@cmp2"),
        ("part_is_down", "neutron/neutron-openvswitch-agent@cmp3"),
        ("part_is_down", "balancer/placement@placement-2"),
        ("service_is_down", "cinder"),
    )
    killed = ("nova-compute-cmp1", "placement-2")
    with hurt(
        cloud, killed=killed, stopped=("nova-compute-cmp2", "neutron-ovs-cmp3", "cinder-volume")
    ) as began:
        bad = watch.until(wrong(*(place for _, place in roots)), NOTICED)
        assert time.monotonic() - began < NOTICED
        assert "0 of 1 cinder-volume up" in bad[f"{R}/cinder"]
        assert f"{R}/placement" not in bad, "one of two behind the balancer is enough"
        watch.held()
    watch.healed(BACK)
    assert sorted(watch.told()) == opened_and_resolved(*roots)


@pytest.mark.faults
def test_services_of_which_nothing_is_left(cloud: Cloud, watch: Watch) -> None:
    with hurt(cloud, killed=("glance-api",), stopped=("nova-conductor", "neutron-server")):
        watch.until(wrong("nova", "glance", "neutron", *(c.partition("/")[2] for c in COMPUTES)), NOTICED)
        watch.held()
        assert {watch.causes()[compute] for compute in COMPUTES} == {f"{R}/nova"}
    watch.healed(BACK)
    roots = [("service_is_down", name) for name in ("nova", "glance", "neutron")]
    assert sorted(watch.told()) == opened_and_resolved(*roots)


def test_without_keystone_nothing_is_said_of_others(cloud: Cloud, watch: Watch) -> None:
    with hurt(cloud, killed=("keystone",)):
        bad = watch.until(wrong("keystone", "nova", "glance"), NOTICED)
        assert bad[f"{R}/nova"].startswith("unknown: cannot be asked")
        watch.held()
    watch.healed(BACK)
    assert sorted(watch.told()) == opened_and_resolved(("identity_is_down", "keystone"))


def test_without_the_queue_all_computes_are_down_and_the_queue_is_why(cloud: Cloud, watch: Watch) -> None:
    with hurt(cloud, killed=("rabbitmq",)):
        watch.until(wrong("rabbitmq"), NOTICED)
        watch.until(lambda bad: set(bad) >= COMPUTES | {f"{R}/cinder", f"{R}/nova"}, NOTICED)
        watch.held()
        causes = watch.causes()
        assert {causes[each] for each in (*COMPUTES, f"{R}/cinder", f"{R}/nova")} == {f"{R}/rabbitmq"}
    watch.healed(BACK)
    assert sorted(watch.told()) == opened_and_resolved(("infrastructure_is_down", "rabbitmq"))


def test_without_the_database_healthcheck_says_200_and_the_database_is_why(
    cloud: Cloud, watch: Watch
) -> None:
    with hurt(cloud, killed=("mariadb",)):
        watch.until(wrong("database", "keystone"), NOTICED)
        assert requests.get(cloud.url("glance-api") + "/healthcheck", timeout=10).status_code == 200
        watch.held()
        assert watch.causes()[f"{R}/keystone"] == f"{R}/database"
    watch.healed(BACK)
    assert sorted(watch.told()) == opened_and_resolved(("infrastructure_is_down", "database"))


@pytest.mark.faults
@pytest.mark.parametrize("name", ["rabbitmq", "mariadb"])
def test_what_stands_still_is_down_as_well(cloud: Cloud, watch: Watch, name: str) -> None:
    check = {"mariadb": "database"}.get(name, name)
    with hurt(cloud, stopped=(name,)):
        watch.until(wrong(check), NOTICED)
        watch.held()
    watch.healed(BACK)
    assert sorted(watch.told()) == opened_and_resolved(("infrastructure_is_down", check))


@pytest.mark.faults
def test_the_balancer_takes_all_with_it_and_the_cache_only_itself(cloud: Cloud, watch: Watch) -> None:
    with hurt(cloud, killed=("haproxy", "memcached")):
        watch.until(wrong("balancer", "memcached", "nova", "keystone"), NOTICED)
        watch.held()
    watch.healed(BACK)
    roots = [("infrastructure_is_down", name) for name in ("balancer", "memcached")]
    assert sorted(watch.told()) == opened_and_resolved(*roots)


@contextmanager
def region(cloud: Cloud, name: str, endpoints: dict[str, str]) -> Iterator[None]:
    """A further region under the same Keystone: service -> URL."""

    def remove() -> None:
        for endpoint in list(keystone.endpoints()):
            if endpoint.region_id == name:
                keystone.delete_endpoint(endpoint.id)
        keystone.delete_region(name)

    with cloud.connect(ADMIN) as connection:
        keystone = identity(connection)
        remove()  # what a run that was killed has left
        keystone.create_region(id=name)
        try:
            for service in list(keystone.services()):
                if url := endpoints.get(service.name):
                    keystone.create_endpoint(
                        service_id=service.id, interface="public", url=url, region_id=name
                    )
            yield
        finally:
            remove()


def test_a_region_that_does_not_answer_leaves_the_others_exact(cloud: Cloud, tmp_path: Path) -> None:
    live = {"nova": cloud.public_url("nova-api") + "/v2.1", "glance": cloud.public_url("glance-api")}
    with socket.create_server((HOST, 0)) as silent, watching(cloud, tmp_path) as watch:
        address = f"http://{HOST}:{silent.getsockname()[1]}"
        with region(cloud, TWO, live), region(cloud, THREE, dict.fromkeys(live, address)):
            watch.until(lambda bad: set(bad) == {f"{THREE}/nova", f"{THREE}/glance"}, BACK)
            found = {(each["region"], each["name"]): each for each in watch.round()["services"]}
            hosts = [{tuple(part[:3]) for part in found[where, "nova"]["parts"]} for where in (R, TWO)]
            assert hosts[0] == hosts[1]
            assert {("nova-compute", f"cmp{n}", "up") for n in (1, 2, 3)} <= hosts[0]
            watch.held()
            assert sorted(watch.told()) == [
                ("service_is_down", f"{THREE}/{name}", "open") for name in ("glance", "nova")
            ]


@contextmanager
def user(cloud: Cloud, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A project of its own with a user, an image and a network; clouds.yaml, and the check's options."""
    name, secret = "argus-check", uuid.uuid4().hex
    document = yaml.safe_load(cloud.clouds_yaml.read_text())
    mine = copy.deepcopy(document["clouds"][ADMIN])
    mine["auth"] |= {"username": name, "password": secret, "project_name": name}
    file = folder / "clouds.yaml"
    file.write_text(yaml.safe_dump({"clouds": {**document["clouds"], name: mine}}))
    with cloud.connect(ADMIN) as admin, ExitStack() as after:
        keystone = identity(admin)
        project = keystone.create_project(name=name, domain_id="default")
        after.callback(keystone.delete_project, project)
        person = keystone.create_user(name=name, password=secret, default_project_id=project.id)
        after.callback(keystone.delete_user, person)
        (member,) = (role for role in keystone.roles() if role.name == "member")
        keystone.assign_project_role_to_user(project, person, member)
        image = admin.image.create_image(
            name=name, disk_format="raw", container_format="bare", data=b"\0", owner=project.id
        )
        after.callback(lambda: admin.image.delete_image(image.id))
        network = admin.network.create_network(name=name, project_id=project.id)
        after.callback(admin.network.delete_network, network)
        subnet = {"network_id": network.id, "ip_version": 4, "cidr": "10.9.0.0/24", "project_id": project.id}
        after.callback(admin.network.delete_subnet, admin.network.create_subnet(**subnet))
        options = {"cloud": name, "region": R, "image": name, "flavor": "m1.small", "network": name}
        yield file, {**options, "timeout": "60s", "every": "10m"}


CRASHES = """
import sys
from argus.probes.user_check import UserCheck
from argus.user_check_source import UserCheckSource
UserCheckSource("x", UserCheck(*sys.argv[2:7]), sys.argv[1]).fetch()
"""


@pytest.mark.faults
def test_a_user_gets_a_server_with_an_address_and_a_volume_and_nothing_stays(
    cloud: Cloud, tmp_path: Path
) -> None:
    with (
        user(cloud, tmp_path) as (file, check),
        watching(cloud, tmp_path, clouds_yaml=file, user_check=check) as watch,
        cloud.connect(ADMIN) as admin,
    ):

        def left() -> list[str]:
            servers = admin.compute.servers(all_projects=True)
            return [each.name for each in servers if each.name.startswith(PREFIX)]

        words = [check[name] for name in ("cloud", "region", "image", "flavor", "network")]
        crash = subprocess.Popen([sys.executable, "-c", CRASHES, str(file), *words])
        assert wait_until(left, 60), "the check that is to be killed boots nothing"
        crash.kill()
        crash.wait(10)
        watch.clock.skipped += 3600
        assert run_due(watch.site)
        watch.cycle()
        (found,) = [each for each in watch.round()["services"] if each["name"] == "user-check"]
        assert (found["state"], found["message"]) == ("up", "")
        steps = ("token", "images", "boot", "active", "port", "volume", "attach", "delete")
        assert {f"{step}_seconds" for step in steps} <= set(found["figures"])
        assert left() == []
        assert not run_due(watch.site), "not before `every` is over"


@pytest.mark.parametrize(
    ("who", "refused"),
    [(MONITOR, {"cinder", "heat", "swift"}), (READER, {"cinder", "heat", "swift", "nova", "placement"})],
)
def test_what_a_role_may_not_read_is_not_permitted_and_never_down(
    cloud: Cloud, tmp_path: Path, who: str, refused: set[str]
) -> None:
    with watching(cloud, tmp_path, who) as watch:
        bad = watch.until(lambda bad: set(bad) == {f"{R}/{name}" for name in refused}, BACK)
        assert all(text.startswith("not permitted") for text in bad.values()), bad
        latency = {each["name"]: each["latency"] for each in watch.round()["services"]}
        assert all(latency[name] for name in refused), "that they answer is known all the same"
