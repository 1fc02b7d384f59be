"""What a cloud, or a region of one, still has room for: told by the correlator, a Zabbix host each.

Prometheus gets the same, and more of it, as ``argus_fleet_*`` from ``argus exporter``.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Entity, Graph, Macro, Metric, Severity, Subsystem, Trigger, Unit

FLEET = Entity("fleet", "fleet")
SCOPE = Entity("scope", "fleet", ("scope",), "scopes")
FLAVOR = Entity("flavor", "fleet", ("flavor",), "flavors")

_PLACEMENT = "Placement, inventories and allocations; without OpenStack what the agents tell"
_all = partial(Metric, "capacity", source=_PLACEMENT, entity=FLEET)
_part = partial(Metric, "room", source=_PLACEMENT, entity=SCOPE)

HOSTS = _all("hosts", "Computes that are known.")
HOSTS_OPEN = _all("hosts_open", "Computes that take guests: up, and not disabled.")
VCPUS_FREE = _all("vcpus_free", "vCPUs that may still be given out on computes that take guests.")
VCPUS_USED = _all(
    "vcpus_used_ratio", "vCPUs given out, of what may be: total less reserved, by ratio.", unit=Unit.RATIO
)
MEMORY_FREE = _all(
    "memory_free_bytes",
    "Memory that may still be given out on computes that take guests.",
    unit=Unit.BYTES,
)
MEMORY_USED = _all("memory_used_ratio", "Memory given out, of what may be.", unit=Unit.RATIO)
LOSSES_SHORT = _all(
    "losses_short",
    "Computes whose loss would leave guests without a host: argus whatif lose HOST names them.",
    source="argus capacity, each compute lost in turn",
)
STRANDED = _all(
    "stranded_guests",
    "Guests that would find no host after the worst loss of one compute.",
    source="argus capacity, each compute lost in turn",
)
FULL_IN = _all(
    "full_in_seconds",
    "Forecast of when the first resource is used up; absent while there is no trend to go by.",
    source="argus capacity --forecast",
    unit=Unit.SECONDS,
)
QUOTA_CORES = _all(
    "quota_cores_ratio",
    "Sum of all quotas of cores, of what there is. Above 100 % not all can have what they were promised.",
    source="Nova, os-quota-sets",
    unit=Unit.RATIO,
)
QUOTA_RAM = _all(
    "quota_ram_ratio",
    "Sum of all quotas of RAM, of what there is.",
    source="Nova, os-quota-sets",
    unit=Unit.RATIO,
)
UNREAD = _all(
    "unread", "Parts of the cloud that could not be read: argus capacity names them.", source="argus capacity"
)
AGE = _all("age_seconds", "Age of these figures.", source="argus capacity", unit=Unit.SECONDS)
SCOPE_VCPUS = _part("vcpus_free", "vCPUs that may still be given out in this zone or aggregate.")
SCOPE_MEMORY = _part(
    "memory_free_bytes", "Memory that may still be given out in this zone or aggregate.", unit=Unit.BYTES
)
FITS = Metric(
    "flavor",
    "fits",
    "How many more guests of this flavor fit, each on one compute.",
    "argus capacity --flavor",
    FLAVOR,
)

SUBSYSTEM = Subsystem(
    "capacity",
    "Capacity",
    (
        *(HOSTS, HOSTS_OPEN, VCPUS_FREE, VCPUS_USED, MEMORY_FREE, MEMORY_USED, LOSSES_SHORT, STRANDED),
        *(FULL_IN, QUOTA_CORES, QUOTA_RAM, UNREAD, AGE, SCOPE_VCPUS, SCOPE_MEMORY, FITS),
    ),
    triggers=(
        Trigger(
            "capacity_unknown",
            "Capacity is not known",
            (HOSTS,),
            "nodata(@1,{$ARGUS.FLEET.NODATA})=1",
            Severity.AVERAGE,
            "availability",
            "The correlator could not read this cloud, or does not run. argus capacity says what is wrong; "
            "delete this host if the cloud is no longer in [openstack] clouds.",
            event_name="Capacity is not known (for {$ARGUS.FLEET.NODATA})",
        ),
        Trigger(
            "fleet_full_soon",
            "Cloud is full soon",
            (FULL_IN,),
            "max(@1,10m)<{$ARGUS.FLEET.FULL.IN}",
            Severity.WARNING,
            "capacity",
            "By the trend of the last weeks the first resource is used up then. argus capacity --forecast "
            "shows which, and where; order computes, or find what is allocated and not used.",
            recovery="min(@1,10m)>{$ARGUS.FLEET.FULL.IN}",
            event_name="Cloud is full in less than {$ARGUS.FLEET.FULL.IN}",
            opdata="Full in {ITEM.LASTVALUE1}",
            depends_on=("capacity_unknown",),
        ),
        Trigger(
            "fleet_loss_short",
            "Loss of one compute would leave guests without a host",
            (LOSSES_SHORT,),
            "min(@1,10m)>0",
            Severity.WARNING,
            "capacity",
            "Were it to fail now, not all of its guests could be evacuated. argus capacity names them "
            "and argus whatif lose HOST the guests; keep more free, in the zone and aggregate that it names.",
            opdata="Computes: {ITEM.LASTVALUE1}",
            depends_on=("capacity_unknown",),
        ),
    ),
    macros=(
        Macro("ARGUS.FLEET.NODATA", "30m", "How long nothing may be known of a cloud's capacity."),
        Macro("ARGUS.FLEET.FULL.IN", "14d", "How long before a cloud is full it is a problem."),
    ),
    graphs=(
        Graph("Given out", (VCPUS_USED, MEMORY_USED)),
        Graph("Left: vCPUs", (VCPUS_FREE,)),
        Graph("Left: memory", (MEMORY_FREE,)),
        Graph("Losses that do not fit", (LOSSES_SHORT, STRANDED)),
        Graph("{#SCOPE}: vCPUs left", (SCOPE_VCPUS,)),
        Graph("{#SCOPE}: memory left", (SCOPE_MEMORY,)),
        Graph("Flavor {#FLAVOR}: how many fit", (FITS,)),
    ),
)
