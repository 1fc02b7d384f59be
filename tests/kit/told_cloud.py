"""A cloud that only its newest figures know: one service as a round of probes tells it, and a fleet's report.

`told` has them sent to a real Zabbix, as the correlator does with those of a real cloud.
"""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from argus.correlator.capacity.report import Class, Deficit, Neighbours, Report, Scope, Size, payload
from argus.exporter_capacity import SOURCE as CAPACITY
from argus.render.names import master_key
from argus.reporting_capacity import fleets
from argus.reporting_services import services
from argus.services_round import SOURCE as SERVICES
from argus.store import schema, snapshots
from argus.store.engine import open_store
from argus.zabbix import fed_hosts
from argus.zabbix.trapper import NotTakenError, send
from stack.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.site import Site
    from argus.zabbix.api import Zabbix
    from argus.zabbix.fed_hosts import Fed

SECONDS = 10.0
CPUS = Class(8, 0, 32, 24, 0, 8, 6, ())
MEMORY = Class(1024, 0, 1024, 256, 0, 768, 512, ())
EARLY = {"full": 20.0, "early": 1.0, "late": 30.0}
SOON = {"full": 10.0, "early": 8.0, "late": None}


def scope(name: str) -> Scope:
    """All computes, a zone or an aggregate."""
    sizes, promised = {"m1": Size(3, 3, 4)}, {"VCPU": 3.0, "MEMORY_MB": 0.25}
    plain = Scope(name, 2, 1, {"VCPU": CPUS, "MEMORY_MB": MEMORY}, sizes, {}, promised, told=1, over=1)
    return dataclasses.replace(plain, steal=0.2, stall=0.1, swap=7.0, ballooned=5.0, cpu_stall=0.4)


def report(fleet: str, at: float) -> Report:
    """Everything that a report can tell."""
    return Report(
        fleet,
        at,
        (scope("all"), scope("az:a")),
        {"host": 2, "rack": 1},
        (Deficit("h1", "host", 5, (), {}), Deficit("r1", "rack", 9, (), {})),
        drifts={"leaked": 2, "doubled": 1},
        noises=(Neighbours("web waits", "cpu", 0.2, True, ("all", "aggregate:ssd")),),
        promises={"cores": {"ratio": 1.5}, "ram": {"ratio": 0.5}},
        forecasts={"all": {"VCPU": EARLY, "MEMORY_MB": {"full": None}, "DISK_GB": SOON}},
    )


def service(cloud: str) -> dict[str, Any]:
    """Nova with one compute of two that work, as a round of probes tells it."""
    return {
        "cloud": cloud,
        "region": "RegionOne",
        "name": "nova",
        "kind": "nova",
        "state": "degraded",
        "message": "1 of 2 nova-compute do not work",
        "latency": 0.25,
        "version": "2.96",
        "since": 0.0,
        "spent": 0.01,
        "burn": 0.5,
        "figures": {"instances": 12.0},
        "parts": [
            ["nova-compute", "n1", "up", "", 0.0, "az1"],
            ["nova-compute", "n2", "down", "does not report", 0.0, "az1"],
            ["nova-compute", "n3", "disabled", "on purpose", 0.0, "az1"],
        ],
    }


def _feds(folder: Path, cloud: str) -> list[Fed]:
    """What the correlator makes of it, by way of a database of our own."""
    now, fleet = time.time(), f"{cloud}/RegionOne"
    store = open_store(f"sqlite:///{folder}/told.db")
    schema.upgrade(store)
    with store.write() as session:
        snapshots.put(session, SERVICES, {"at": now, "services": [service(cloud)]}, now)
        snapshots.put(session, CAPACITY + fleet, payload(report(fleet, now)), now)
        found = [*services(session, now), *fleets(session, now)]
    store.engine.dispose()
    return found


def _sent(zabbix: Zabbix, installed: Site, feds: list[Fed]) -> bool:
    """Whether all was taken; what was not is made."""
    try:
        for fed in feds:
            send(installed.trappers, fed.host, master_key(fed.kind), json.dumps(fed.document), SECONDS)
    except NotTakenError:
        fed_hosts.make(zabbix, feds, installed.trappers.tls)
        return False
    return True


@contextmanager
def told(zabbix: Zabbix, installed: Site, folder: Path) -> Iterator[str]:
    """A cloud, by name, of whose service and fleet this Zabbix knows everything; deleted in the end.

    ``installed`` is the installation whose Zabbix it is, ``folder`` is for a database of our own.
    """
    cloud = f"told{uuid.uuid4().hex[:6]}"
    feds = _feds(folder, cloud)
    names = [f"Argus {kind} {cloud} RegionOne{rest}" for kind, rest in (("service", " nova"), ("fleet", ""))]

    def whole() -> bool:
        """Whether what is discovered has values, too."""
        hosts = [row["hostid"] for row in zabbix.read("host.get", filter={"host": names}, output=["hostid"])]
        rows = zabbix.read("item.get", output=["lastclock", "hostid"], hostids=hosts, search={"key_": "["})
        return {row["hostid"] for row in rows if row["lastclock"] != "0"} == set(hosts) and len(hosts) == 2

    try:
        assert wait_until(lambda: _sent(zabbix, installed, feds) and whole(), 90, every=2), cloud
        yield cloud
    finally:
        for row in zabbix.read("host.get", filter={"host": names}, output=["hostid"]):
            zabbix.call("host.delete", row["hostid"])
