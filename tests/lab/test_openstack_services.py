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
from dataclasses import dataclass
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
from stack.components.openstack.haproxy import NOTICES as BALANCER_NOTICES
from stack.components.openstack.settings import DOWN_TIME, HOST, REPORT_INTERVAL
from stack.polling import wait_until
from tests.lab.cloud_watch import TIMEOUT_SECONDS, Watch, watching

pytestmark = pytest.mark.openstack

CYCLE = 15.0  # s: a round of probes of which one runs into its timeout of 10 s, and what is decided of it
SILENT = TIMEOUT_SECONDS  # s: what hangs is noticed by the probe's own timeout
REPORTS = DOWN_TIME + REPORT_INTERVAL  # s: what does not report is called down by its service after that
BACK = 120  # s: until everything reports again
R, TWO, THREE = "RegionOne", "RegionTwo", "RegionThree"
COMPUTES = tuple(f"nova/nova-compute@cmp{n}" for n in (1, 2, 3))


@dataclass(frozen=True)
class Watched:
    """The one Argus that looks at all of it, and how many messages it had sent when a test began."""

    watch: Watch
    before: int

    def told(self) -> list[tuple[str, str, str]]:
        return sorted(self.watch.told(self.before))


@pytest.fixture(scope="module")
def one_watch(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    with watching(cloud, tmp_path_factory.mktemp("watch")) as made:
        yield made


@pytest.fixture
def watched(one_watch: Watch) -> Iterator[Watched]:
    """All is well before, and nothing is open afterwards."""
    one_watch.until(lambda bad: not bad, BACK)
    yield Watched(one_watch, len(one_watch.told()))
    assert one_watch.still_open() == []


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
    return lambda bad: all(f"{R}/{place}" in bad for place in places)


def opened_and_resolved(*roots: tuple[str, str]) -> list[tuple[str, str, str]]:
    return sorted((rule, f"{R}/{place}", kind) for rule, place in roots for kind in ("open", "resolve"))


def its_guest_is_still_the_same(cloud: Cloud) -> None:
    """A compute that started again knows the guest that it had, and restarts it."""
    with cloud.connect(ADMIN) as connection:
        (server,) = [each for each in connection.compute.servers(all_projects=True) if each.name == "web1"]
        assert server.compute_host == "cmp1"
        known = {each.request_id for each in connection.compute.server_actions(server)}
        connection.compute.reboot_server(server, "HARD")

        def results() -> list[str]:
            """What became of it, once it has ended."""
            actions = connection.compute.server_actions(server)
            (new,) = [each for each in actions if each.request_id not in known]
            action = connection.compute.get_server_action(new.request_id, server)
            return [event["result"] for event in action.events if event["finish_time"]]

        assert wait_until(results, 60) == ["Success"]


@dataclass(frozen=True)
class Fault:
    """What is done to one process; which rule is to tell of which place, and after how long at most.

    ``own`` is the time that the service itself takes to notice (s).  ``follow`` is what cannot work without
    it, as is seen only when that has stopped to report: symptoms, of which nobody is told.  ``then`` is what
    works again when it is over.
    """

    process: str
    how: str
    rule: str
    place: str
    own: float
    follow: tuple[str, ...] = ()
    then: Callable[[Cloud], None] = lambda _cloud: None

    def __str__(self) -> str:
        return f"{self.process}-{self.how}"


PART, SERVICE, BASE = "part_is_down", "service_is_down", "infrastructure_is_down"
OVS = "neutron/neutron-openvswitch-agent@{}"
BACKEND = "balancer/placement@placement-2"
FAULTS = (
    Fault("nova-compute-cmp1", "killed", PART, COMPUTES[0], REPORTS, then=its_guest_is_still_the_same),
    Fault("nova-compute-cmp2", "stopped", PART, COMPUTES[1], REPORTS),
    Fault("cinder-volume", "killed", SERVICE, "cinder", REPORTS),
    Fault("cinder-volume", "stopped", SERVICE, "cinder", REPORTS),
    Fault("neutron-ovs-cmp2", "killed", PART, OVS.format("cmp2"), REPORTS),
    Fault("neutron-ovs-cmp3", "stopped", PART, OVS.format("cmp3"), REPORTS),
    Fault("rabbitmq", "killed", BASE, "rabbitmq", 0, (*COMPUTES, "cinder", "nova")),
    Fault("rabbitmq", "stopped", BASE, "rabbitmq", SILENT),
    Fault("mariadb", "killed", BASE, "database", 0, ("keystone",)),
    Fault("mariadb", "stopped", BASE, "database", SILENT),
    Fault("memcached", "killed", BASE, "memcached", 0),
    Fault("memcached", "stopped", BASE, "memcached", SILENT),
    Fault("placement-2", "killed", PART, BACKEND, BALANCER_NOTICES),
    Fault("placement-2", "stopped", PART, BACKEND, BALANCER_NOTICES),
)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_one_incident_with_its_root_in_time_and_over_when_it_is_over(
    cloud: Cloud, watched: Watched, fault: Fault
) -> None:
    watch = watched.watch
    with hurt(cloud, **{fault.how: (fault.process,)}) as began:
        watch.until(wrong(fault.place), fault.own + CYCLE)
        assert time.monotonic() - began < fault.own + CYCLE
        watch.until(wrong(*fault.follow), REPORTS + 2 * CYCLE)
        watch.held()
        assert watched.told() == [(fault.rule, f"{R}/{fault.place}", "open")]
        causes = watch.causes()
        assert {causes[f"{R}/{place}"] for place in fault.follow} <= {f"{R}/{fault.place}"}
        if fault.place == BACKEND:
            watch.until(lambda bad: f"{R}/placement" not in bad, CYCLE)  # one of two is enough
        if fault.place == "database" and fault.how == "killed":
            alive = requests.get(cloud.url("glance-api") + "/healthcheck", timeout=10)
            assert alive.status_code == 200, "which is why no probe asks there"
    watch.healed(BACK)
    assert watched.told() == opened_and_resolved((fault.rule, fault.place))
    fault.then(cloud)


def test_without_keystone_nothing_is_said_of_others(cloud: Cloud, watched: Watched) -> None:
    with hurt(cloud, killed=("keystone",)):
        bad = watched.watch.until(wrong("keystone", "nova", "glance"), CYCLE)
        assert bad[f"{R}/nova"].startswith("unknown: cannot be asked")
        watched.watch.held()
    watched.watch.healed(BACK)
    assert watched.told() == opened_and_resolved(("identity_is_down", "keystone"))


@pytest.mark.faults
def test_several_faults_at_once_are_an_incident_each(cloud: Cloud, watched: Watched) -> None:
    roots = (
        (PART, COMPUTES[0]),
        (PART, COMPUTES[1]),
        (PART, OVS.format("cmp3")),
        (PART, BACKEND),
        (SERVICE, "cinder"),
    )
    stopped = ("nova-compute-cmp2", "neutron-ovs-cmp3", "cinder-volume")
    with hurt(cloud, killed=("nova-compute-cmp1", "placement-2"), stopped=stopped):
        bad = watched.watch.until(wrong(*(place for _, place in roots)), REPORTS + CYCLE)
        assert "0 of 1 cinder-volume up" in bad[f"{R}/cinder"]
        assert f"{R}/placement" not in bad, "one of two behind the balancer is enough"
        watched.watch.held()
    watched.watch.healed(BACK)
    assert watched.told() == opened_and_resolved(*roots)


@pytest.mark.faults
def test_services_of_which_nothing_is_left(cloud: Cloud, watched: Watched) -> None:
    watch = watched.watch
    with hurt(cloud, killed=("glance-api",), stopped=("nova-conductor", "neutron-server")):
        watch.until(wrong("nova", "glance", "neutron", *COMPUTES), REPORTS + 2 * CYCLE)
        watch.held()
        assert {watch.causes()[f"{R}/{compute}"] for compute in COMPUTES} == {f"{R}/nova"}
    watch.healed(BACK)
    roots = [(SERVICE, name) for name in ("nova", "glance", "neutron")]
    assert watched.told() == opened_and_resolved(*roots)


@pytest.mark.faults
def test_the_balancer_takes_all_with_it_and_the_cache_only_itself(cloud: Cloud, watched: Watched) -> None:
    with hurt(cloud, killed=("haproxy", "memcached")):
        watched.watch.until(wrong("balancer", "memcached", "nova", "keystone"), CYCLE)
        watched.watch.held()
    watched.watch.healed(BACK)
    roots = [(BASE, name) for name in ("balancer", "memcached")]
    assert watched.told() == opened_and_resolved(*roots)


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
    # a name of its own: what a run that was killed has left is in nobody's way
    name, secret = f"argus-check-{uuid.uuid4().hex[:6]}", uuid.uuid4().hex
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
