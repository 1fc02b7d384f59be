"""Services of the node that guests depend on: libvirt, Nova, Neutron, Open vSwitch, Ceph.

https://docs.kernel.org/admin-guide/cgroup-v2.html (cgroup.events), systemd.unit(5)
"""

from __future__ import annotations

from argus.catalogue.model import UNIT, Kind, Macro, Metric, Severity, Subsystem, Trigger

ACTIVE = Metric(
    "units",
    "active",
    "Whether the service has processes. Told of services that are enabled, or ran since the agent started, "
    "and that [units] watch names, unless they are healthy without one (Type=oneshot, RemainAfterExit).",
    "cgroup.events (version 2) or cgroup.procs below system.slice; /etc/systemd/system/*.wants",
    UNIT,
    Kind.STATE,
    states={0: "does not run", 1: "runs"},
)

_WATCHED = '{$ARGUS.NODE.UNIT.CONTROL:"{#UNIT}"}'

SUBSYSTEM = Subsystem(
    "node_units",
    "Services of the node",
    (ACTIVE,),
    triggers=(
        Trigger(
            "unit_down",
            "Service {#UNIT} does not run",
            (ACTIVE,),
            f"{_WATCHED}=1 and max(@1,2m)=0",
            Severity.AVERAGE,
            "availability",
            "A service that guests of this node depend on has no process. systemctl status and journalctl -u "
            "of the unit say why; [units] watch of the agent's configuration says which services are looked "
            "at.",
            recovery=f"{_WATCHED}=0 or min(@1,1m)=1",
            opdata="Service: {ITEM.LASTVALUE1}",
            depends_on=("node_data_missing",),
        ),
    ),
    macros=(Macro("ARGUS.NODE.UNIT.CONTROL", "1", "Whether a service must run, 1 or 0; context: its unit."),),
)
