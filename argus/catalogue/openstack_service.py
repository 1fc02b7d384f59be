"""An OpenStack service, or something that it stands on, as the probes of Argus see it."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Entity, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

SERVICE = Entity("service", "service")
INSTANCE = Entity("instance", "service", ("instance",), "instances")

_probe = partial(Metric, "probe", source="argus probe", entity=SERVICE)

STATUS = _probe(
    "status",
    "What the service does for its users, over all its instances.",
    kind=Kind.STATE,
    states={0: "down", 1: "degraded", 2: "ok"},
)
LATENCY = _probe("latency_seconds", "Time that the service took to answer the probe.", unit=Unit.SECONDS)
INSTANCES = _probe("instances", "Instances of the service that are known.")
INSTANCES_UP = _probe("instances_up", "Instances of the service that work.")
DETAIL = _probe("detail", "What the probe says, in one line.", kind=Kind.INFO)
INSTANCE_UP = Metric(
    "instance",
    "up",
    "Whether this instance works; one that was disabled on purpose is not listed.",
    "argus probe",
    INSTANCE,
    Kind.STATE,
    states={0: "down", 1: "up"},
)

SUBSYSTEM = Subsystem(
    "openstack_service",
    "OpenStack service",
    (STATUS, LATENCY, INSTANCES, INSTANCES_UP, DETAIL, INSTANCE_UP),
    triggers=(
        Trigger(
            "service_unknown",
            "Service is not probed",
            (STATUS,),
            "nodata(@1,{$ARGUS.SERVICE.NODATA})=1",
            Severity.AVERAGE,
            "availability",
            "Nothing is known of the service: the probe does not run. Look at the correlator first.",
            event_name="Service is not probed (for {$ARGUS.SERVICE.NODATA})",
        ),
        Trigger(
            "service_down",
            "Service is down",
            (STATUS,),
            "max(@1,1m)=0",
            Severity.HIGH,
            "availability",
            "The probe gets no usable answer from any instance. argus services tells what it asked "
            "and what came; look at the service's log and at what it stands on: database, message queue, "
            "load balancer.",
            recovery="min(@1,1m)=2",
            opdata="{ITEM.LASTVALUE1}",
            depends_on=("service_unknown",),
        ),
        Trigger(
            "service_degraded",
            "Service is degraded",
            (STATUS,),
            "max(@1,3m)=1",
            Severity.WARNING,
            "availability",
            "Some instances do not work, so that the next failure may be an outage. See which in the items "
            "of the instances, or with argus services.",
            opdata="{ITEM.LASTVALUE1}",
            depends_on=("service_down",),
        ),
        Trigger(
            "service_slow",
            "Service answers slowly",
            (LATENCY,),
            "min(@1,5m)>{$ARGUS.SERVICE.LATENCY.MAX}",
            Severity.WARNING,
            "performance",
            "Every answer of five minutes took longer than agreed. Look at the load of its hosts, at its "
            "database, and at the message queue.",
            event_name="Service answers slowly (over {$ARGUS.SERVICE.LATENCY.MAX} s for 5m)",
            opdata="Latency: {ITEM.LASTVALUE1}",
            depends_on=("service_down",),
        ),
        Trigger(
            "instance_down",
            "Instance {#INSTANCE} of the service is down",
            (INSTANCE_UP,),
            "max(@1,3m)=0",
            Severity.WARNING,
            "availability",
            "Look at the service's log on that host. Disable the instance there if it is meant to be off.",
            opdata="{ITEM.LASTVALUE1}",
            depends_on=("service_down",),
        ),
    ),
    macros=(
        Macro("ARGUS.SERVICE.NODATA", "10m", "How long a service may go without a probe."),
        Macro("ARGUS.SERVICE.LATENCY.MAX", "5", "Seconds that an answer may take."),
    ),
    graphs=(Graph("Service answers", (LATENCY,)), Graph("Service instances", (INSTANCES, INSTANCES_UP))),
)
