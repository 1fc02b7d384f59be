"""Something to look at: flavors, an image, a network, zones, aggregates, a volume and some servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from stack.components.openstack.catalogue import connect
from stack.errors import DownError, LabError

if TYPE_CHECKING:
    from openstack.connection import Connection

    from stack.lab import Lab

# name: vCPUs, MiB, GiB
FLAVORS = {"m1.small": (1, 2048, 10), "m1.medium": (2, 4096, 20), "m1.large": (4, 8192, 40)}
IMAGE, NETWORK, VOLUME = "cirros-fake", "net-a", "vol-a"
# aggregate: availability zone, hosts; what is in none is in the zone nova
AGGREGATES = {"rack1": ("az1", ("cmp1",)), "rack2": ("az2", ("cmp2",))}
# server: flavor, zone
SERVERS = {
    "web1": ("m1.small", "az1"),
    "web2": ("m1.small", "az2"),
    "db1": ("m1.large", "az1"),
    "db2": ("m1.large", "az2"),
    "batch1": ("m1.medium", "nova"),
    "batch2": ("m1.large", "nova"),
}
ACTIVE_SECONDS = 120


class OpenstackSeed:
    name = "openstack-seed"
    needs = ("openstack-ready",)

    def start(self, lab: Lab) -> str:
        try:
            with connect(lab) as cloud:
                self._seed(lab, cloud)
        except (SDKException, ClientException) as failure:
            raise LabError(f"seeding: {failure}") from None
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        try:
            with connect(lab) as cloud:
                states = {server.name: server.status for server in cloud.compute.servers(all_projects=True)}
        except (SDKException, ClientException) as failure:
            raise DownError(str(failure)) from None
        if other := {name: states.get(name) for name in SERVERS if states.get(name) != "ACTIVE"}:
            raise DownError(f"not ACTIVE: {other}")
        return f"{len(SERVERS)} servers ACTIVE"

    def stop(self, lab: Lab) -> None:
        """The cloud's own data."""

    def _seed(self, lab: Lab, cloud: Connection) -> None:
        _flavors(cloud)
        image = cloud.image.find_image(IMAGE) or cloud.image.create_image(
            name=IMAGE, disk_format="raw", container_format="bare", data=bytes(1 << 20)
        )
        network = cloud.network.find_network(NETWORK)
        if network is None:
            network = cloud.network.create_network(name=NETWORK)
            cloud.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.1.0.0/24", name="sub-a")
        _aggregates(cloud)
        if cloud.block_storage.find_volume(VOLUME) is None:
            cloud.block_storage.create_volume(name=VOLUME, size=1)
        _servers(lab, cloud, image.id, network.id)


def _flavors(cloud: Connection) -> None:
    for name, (vcpus, memory, disk) in FLAVORS.items():
        if cloud.compute.find_flavor(name) is None:
            cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=memory, disk=disk)


def _aggregates(cloud: Connection) -> None:
    known = {aggregate.name for aggregate in cloud.compute.aggregates()}
    for name, (zone, hosts) in AGGREGATES.items():
        if name not in known:
            aggregate = cloud.compute.create_aggregate(name=name, availability_zone=zone)
            for host in hosts:
                cloud.compute.add_host_to_aggregate(aggregate, host)


def _servers(lab: Lab, cloud: Connection, image: str, network: str) -> None:
    """Make those that are missing, the first of a zone with a port, and mend those that a test left ill."""
    known = {server.name: server for server in cloud.compute.servers(all_projects=True)}
    flavors = {flavor.name: flavor.id for flavor in cloud.compute.flavors()}
    made = []
    for name, (flavor, zone) in SERVERS.items():
        server = known.get(name)
        if server and server.status == "ERROR":
            cloud.compute.delete_server(server, force=True)
            cloud.compute.wait_for_delete(server, wait=ACTIVE_SECONDS)
            server = None
        if server is None:
            server = cloud.compute.create_server(
                name=name,
                flavor_id=flavors[flavor],
                image_id=image,
                availability_zone=zone,
                networks=[{"uuid": network}] if name.endswith("1") else "none",
            )
        elif server.status == "SHUTOFF":  # as an evacuation leaves it
            cloud.compute.start_server(server)
        elif server.status != "ACTIVE":  # its compute died during the task
            cloud.compute.reset_server_state(server, "active")
        else:
            continue
        made.append(server)
    for server in made:
        cloud.compute.wait_for_server(server, wait=ACTIVE_SECONDS, interval=1)
    if made:
        lab.say(f"openstack-seed: {', '.join(server.name for server in made)} became ACTIVE")
