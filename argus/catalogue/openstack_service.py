"""An OpenStack service, or something that it stands on, as the probes of Argus see it."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Entity, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

WHERE = ("cloud", "region", "service")
SERVICE = Entity("service", "service", WHERE)
INSTANCE = Entity("instance", "service", (*WHERE, "instance"), "instances")
FIGURE = Entity("figure", "service", (*WHERE, "figure"), "figures")
STATE_OF_SERVICE = Entity("state", "service", (*WHERE, "state"))
PARTS_OF_SERVICE = Entity("parts", "service", (*WHERE, "part", "state"))
ROUND = Entity("round", "service")

_probe = partial(Metric, "probe", source="argus probe", entity=SERVICE)

STATUS = _probe(
    "status",
    "What the service does for its users, over all its instances; absent while that is not known.",
    kind=Kind.STATE,
    states={0: "down", 1: "degraded", 2: "ok"},
)
LATENCY = _probe(
    "latency_seconds",
    "Time that the service took to answer the probe: what its users wait for, at least.",
    unit=Unit.SECONDS,
)
INSTANCES = _probe(
    "instances", "Instances of the service that are known, but for those that were disabled on purpose."
)
INSTANCES_UP = _probe(
    "instances_up",
    "Instances of the service that work. Fewer than there are: argus services names the others.",
)
DETAIL = _probe(
    "detail",
    "What the probe says, in one line: why the service is not well, or what it found.",
    kind=Kind.INFO,
)
VERSION = _probe(
    "version",
    "Newest version of the API, or of the server: whether an upgrade has come this far.",
    kind=Kind.INFO,
)
SPENT = Metric(
    "budget",
    "spent_ratio",
    "Share of the month's error budget that outages have used up; absent where none is agreed.",
    "argus probe",
    SERVICE,
    unit=Unit.RATIO,
)
BURN = Metric(
    "budget",
    "burn",
    "How many times too fast the error budget goes, by the last six hours; 1 spends it in a month.",
    "argus probe",
    SERVICE,
)
INSTANCE_UP = Metric(
    "instance",
    "up",
    "Whether this instance works; absent while that is not known or it was disabled on purpose.",
    "argus probe",
    INSTANCE,
    Kind.STATE,
    states={0: "down", 1: "up"},
)
FIGURE_VALUE = Metric(
    "figure",
    "value",
    "A number that the probe found, in base units: messages that wait, bytes of pools, seconds of a step.",
    "argus probe",
    FIGURE,
)
STATE = Metric(
    "state",
    "",
    "1 for the state that the service is in, 0 for the others.",
    "argus probe",
    STATE_OF_SERVICE,
)
SINCE = Metric(
    "state",
    "since_timestamp_seconds",
    "When the state began, in seconds since the epoch.",
    "argus probe",
    SERVICE,
    unit=Unit.SECONDS,
)
PARTS = Metric(
    "parts",
    "",
    "Processes, agents and members of the service, by kind and state.",
    "argus probe",
    PARTS_OF_SERVICE,
)
ROUND_AGE = Metric(
    "round",
    "age_seconds",
    "Age of the newest round of probes. Growing: the correlator does not run, or a probe hangs.",
    "argus database, snapshots",
    ROUND,
    unit=Unit.SECONDS,
)
ROUND_SECONDS = Metric(
    "round",
    "duration_seconds",
    "Time that the newest round of probes took.",
    "argus database, snapshots",
    ROUND,
    unit=Unit.SECONDS,
)

_WANTED = '{$ARGUS.SERVICE.INSTANCE.CONTROL:"{#INSTANCE}"}'

SUBSYSTEM = Subsystem(
    "openstack_service",
    "OpenStack service",
    (
        STATUS,
        LATENCY,
        INSTANCES,
        INSTANCES_UP,
        DETAIL,
        VERSION,
        SPENT,
        BURN,
        INSTANCE_UP,
        FIGURE_VALUE,
    ),
    triggers=(
        Trigger(
            "service_unknown",
            "Service is not probed",
            (STATUS,),
            "nodata(@1,{$ARGUS.SERVICE.NODATA})=1",
            Severity.AVERAGE,
            "availability",
            "Nothing is known of the service: the probe does not run, or may not look. See argus services. "
            "Delete this host if neither services.yaml nor the cloud's catalogue has the service any more.",
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
            opdata="State: {ITEM.LASTVALUE1}",
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
            recovery='count(@1,3m,"eq","1")=0',
            opdata="State: {ITEM.LASTVALUE1}",
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
            recovery="max(@1,5m)<={$ARGUS.SERVICE.LATENCY.MAX}",
            event_name="Service answers slowly (over {$ARGUS.SERVICE.LATENCY.MAX} s for 5m)",
            opdata="Latency: {ITEM.LASTVALUE1}",
            depends_on=("service_down",),
        ),
        Trigger(
            "instance_down",
            "Instance {#INSTANCE} of the service is down",
            (INSTANCE_UP,),
            f"{_WANTED}=1 and max(@1,3m)=0",
            Severity.WARNING,
            "availability",
            "Look at the service's log on that host. Disable the instance there if it is meant to be off.",
            recovery=f"{_WANTED}=0 or min(@1,3m)=1",
            opdata="Instance: {ITEM.LASTVALUE1}",
            manual_close=True,  # of an instance that was taken away no further value comes
            depends_on=("service_down", "service_degraded"),  # two warnings for one fact are one too many
        ),
    ),
    macros=(
        Macro("ARGUS.SERVICE.NODATA", "10m", "How long a service may go without a probe."),
        Macro(
            "ARGUS.SERVICE.INSTANCE.CONTROL",
            "1",
            "Whether an instance must be up, 1 or 0; context: its name, as nova-compute@cmp1.",
        ),
        Macro("ARGUS.SERVICE.LATENCY.MAX", "5", "Seconds that an answer may take."),
    ),
    graphs=(
        Graph("Service answers", (LATENCY,)),
        Graph("Service instances", (INSTANCES, INSTANCES_UP)),
        Graph("Service error budget", (SPENT, BURN)),
        Graph("Service figure {#FIGURE}", (FIGURE_VALUE,)),
    ),
    exported=(STATE, SINCE, PARTS, ROUND_AGE, ROUND_SECONDS),
)
