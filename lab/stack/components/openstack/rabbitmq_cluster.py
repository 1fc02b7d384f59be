"""Three nodes of RabbitMQ on loopback, beside the control plane's own; on demand."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from stack.components.openstack.rabbitmq import Rabbitmq, management, node_name
from stack.components.openstack.settings import home
from stack.errors import DownError

if TYPE_CHECKING:
    from stack.lab import Component, Lab

NAMES = ("rabbit-1", "rabbit-2", "rabbit-3")
FOLDER = "rabbitmq-cluster"
TICK = 5  # s of silence after which a node is not there; the default is 60


class ClusterData:
    """A new cluster each time: nodes of the last one would wait for whoever ended last."""

    name = "rabbitmq-cluster-data"
    needs = ("epmd",)

    def start(self, lab: Lab) -> str:
        if not any(lab.processes.pid(name) for name in NAMES):
            shutil.rmtree(home(lab) / FOLDER, ignore_errors=True)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        return f"{len(NAMES)} nodes below {home(lab) / FOLDER}"

    def stop(self, lab: Lab) -> None:
        """Files only."""


class Cluster:
    """That all have found each other."""

    name = "rabbitmq-cluster"
    needs = NAMES

    def start(self, lab: Lab) -> str:
        lab.wait_until(lambda: len(_running(lab)) == len(NAMES), 60, every=0.5)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        if len(running := _running(lab)) < len(NAMES):
            raise DownError(f"only {', '.join(running) or 'none'} of {len(NAMES)} nodes")
        return f"{', '.join(running)}"

    def stop(self, lab: Lab) -> None:
        """It only asks."""


def _running(lab: Lab) -> list[str]:
    nodes = management(lab, "GET", "nodes", node=NAMES[0]).json()
    return [node["name"] for node in nodes if node["running"]]


def _config(lab: Lab) -> str:
    lines = [
        "cluster_partition_handling = pause_minority",
        f"net_ticktime = {TICK}",
        "cluster_formation.peer_discovery_backend = classic_config",
    ]
    lines += [
        f"cluster_formation.classic_config.nodes.{n} = {node_name(lab, name)}"
        for n, name in enumerate(NAMES, start=1)
    ]
    return "\n".join([*lines, ""])


# one makes the cookie and the cluster, the others join
RABBITMQ_CLUSTER: tuple[Component, ...] = (
    ClusterData(),
    Rabbitmq(NAMES[0], ("rabbitmq-cluster-data",), FOLDER, _config),
    *(Rabbitmq(name, (NAMES[0],), FOLDER, _config) for name in NAMES[1:]),
    Cluster(),
)
