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

HOSTS = _all("hosts", "Computes that are known, those that are down or disabled too.")
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
MEMORY_USED = _all(
    "memory_used_ratio",
    "Memory given out, of what may be: total less reserved, by ratio.",
    unit=Unit.RATIO,
)
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
_forecast = partial(_all, source="argus capacity --forecast", unit=Unit.SECONDS)
FULL_EARLY = _forecast(
    "full_earliest_seconds",
    "The early end of that forecast's 90 % interval: order by this one where being full is worse than "
    "hosts that wait.",
)
FULL_LATE = _forecast(
    "full_latest_seconds", "The late end of that forecast's 90 % interval; absent beyond three years."
)
OVER = _all(
    "hosts_over",
    "Computes that hold more than their capacity: a ratio was lowered, or hardware is gone.",
)
VCPUS_PROMISED = _all(
    "vcpus_promised_ratio",
    "vCPUs given out for each CPU: above 1 (100 %) they are shared. High is fine until guests wait.",
    unit=Unit.RATIO,
)
MEMORY_PROMISED = _all(
    "memory_promised_ratio",
    "Memory given out of what there is: above 1 (100 %) not all guests can use theirs at once.",
    unit=Unit.RATIO,
)
_pain = partial(_all, source="agents, the worst node")
STEAL = _pain("steal_max_ratio", "Share of time that the worst guest waits for a CPU.", unit=Unit.RATIO)
CPU_STALL = _pain(
    "cpu_stall_max_ratio",
    "Share of time that some task waits for a CPU, on the worst node (PSI).",
    unit=Unit.RATIO,
)
MEMORY_STALL = _pain(
    "memory_stall_max_ratio",
    "Share of time that some task waits for memory, on the worst node (PSI).",
    unit=Unit.RATIO,
)
SWAP = _pain(
    "swap_max_bytes",
    "Swap in use on the worst node: memory was promised to more guests than it has.",
    unit=Unit.BYTES,
)
BALLOONED = _pain(
    "ballooned_max_bytes", "Memory that balloons hold back from guests on the worst node.", unit=Unit.BYTES
)
DRIFT = _all(
    "drift",
    "Disagreements of Nova, Placement and libvirt about who is where: argus capacity --drift lists them.",
    source="argus capacity --drift",
)
NOISY = _all(
    "noisy_neighbours",
    "Guests that wait because of a neighbour: argus incidents names both.",
    source="agents, guests of nodes where one waits",
)
QUOTA_CORES = _all(
    "quota_cores_ratio",
    "Sum of all quotas of cores, of what there is. Above 100 % not all can have what they were promised.",
    source="Nova, os-quota-sets",
    unit=Unit.RATIO,
)
QUOTA_RAM = _all(
    "quota_ram_ratio",
    "Sum of all quotas of RAM, of what there is. Above 100 % not all can have what they were promised.",
    source="Nova, os-quota-sets",
    unit=Unit.RATIO,
)
UNREAD = _all(
    "unread", "Parts of the cloud that could not be read: argus capacity names them.", source="argus capacity"
)
AGE = _all(
    "age_seconds",
    "Age of these figures. Growing: the correlator cannot read the cloud; argus capacity says why.",
    source="argus capacity",
    unit=Unit.SECONDS,
)
SCOPE_VCPUS = _part("vcpus_free", "vCPUs that may still be given out in this zone or aggregate.")
SCOPE_MEMORY = _part(
    "memory_free_bytes", "Memory that may still be given out in this zone or aggregate.", unit=Unit.BYTES
)
SCOPE_VCPUS_PROMISED = _part(
    "vcpus_promised_ratio", "vCPUs given out for each CPU of this zone or aggregate.", unit=Unit.RATIO
)
SCOPE_MEMORY_PROMISED = _part(
    "memory_promised_ratio", "Memory given out of what this zone or aggregate has.", unit=Unit.RATIO
)
SCOPE_STEAL = _part(
    "steal_max_ratio", "Share of time that its worst guest waits for a CPU.", unit=Unit.RATIO, source="agents"
)
SCOPE_STALL = _part(
    "memory_stall_max_ratio",
    "Share of time that some task waits for memory on its worst node (PSI).",
    unit=Unit.RATIO,
    source="agents",
)
SCOPE_SWAP = _part(
    "swap_max_bytes",
    "Swap in use on its worst node: memory was promised to more guests than it has.",
    unit=Unit.BYTES,
    source="agents",
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
        *(FULL_IN, FULL_EARLY, FULL_LATE, QUOTA_CORES, QUOTA_RAM, OVER, VCPUS_PROMISED, MEMORY_PROMISED),
        *(STEAL, CPU_STALL, MEMORY_STALL, SWAP, BALLOONED, DRIFT, NOISY, UNREAD, AGE),
        *(SCOPE_VCPUS, SCOPE_MEMORY, SCOPE_VCPUS_PROMISED, SCOPE_MEMORY_PROMISED, SCOPE_STEAL, SCOPE_STALL),
        *(SCOPE_SWAP, FITS),
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
            opdata="Full in: {ITEM.LASTVALUE1}",
            depends_on=("capacity_unknown",),
        ),
        Trigger(
            "fleet_loss_short",
            "Loss of one compute would leave guests without a host",
            (LOSSES_SHORT,),
            "min(@1,10m)>{$ARGUS.FLEET.LOSSES.MAX}",
            Severity.WARNING,
            "capacity",
            "Were it to fail now, not all of its guests could be evacuated. argus capacity names them "
            "and argus whatif lose HOST the guests; keep more free, in the zone and aggregate that it names.",
            recovery="max(@1,10m)<={$ARGUS.FLEET.LOSSES.MAX}",
            event_name="Loss of one compute would leave guests without a host (true of more than "
            "{$ARGUS.FLEET.LOSSES.MAX})",
            opdata="Computes: {ITEM.LASTVALUE1}",
            depends_on=("capacity_unknown",),
        ),
    ),
    macros=(
        Macro("ARGUS.FLEET.NODATA", "30m", "How long nothing may be known of a cloud's capacity."),
        Macro("ARGUS.FLEET.LOSSES.MAX", "0", "Computes whose loss may leave guests without a host."),
        Macro("ARGUS.FLEET.FULL.IN", "14d", "How long before a cloud is full it is a problem."),
    ),
    graphs=(
        Graph("Given out", (VCPUS_USED, MEMORY_USED)),
        Graph("Left: vCPUs", (VCPUS_FREE,)),
        Graph("Left: memory", (MEMORY_FREE,)),
        Graph("Losses that do not fit", (LOSSES_SHORT, STRANDED)),
        Graph("Promised of what there is", (VCPUS_PROMISED, MEMORY_PROMISED, QUOTA_CORES, QUOTA_RAM)),
        Graph("What overcommit costs: shares of time", (STEAL, CPU_STALL, MEMORY_STALL)),
        Graph("What overcommit costs: memory", (SWAP, BALLOONED)),
        Graph("Full in", (FULL_EARLY, FULL_IN, FULL_LATE)),
        Graph("Drift, noise, over capacity", (DRIFT, NOISY, OVER)),
        Graph("Computes, and how old this is", (HOSTS, HOSTS_OPEN, UNREAD, AGE)),
        Graph("{#SCOPE}: vCPUs left", (SCOPE_VCPUS,)),
        Graph("{#SCOPE}: memory left", (SCOPE_MEMORY,)),
        Graph("{#SCOPE}: promised of what there is", (SCOPE_VCPUS_PROMISED, SCOPE_MEMORY_PROMISED)),
        Graph("{#SCOPE}: what overcommit costs", (SCOPE_STEAL, SCOPE_STALL, SCOPE_SWAP)),
        Graph("Flavor {#FLAVOR}: how many fit", (FITS,)),
    ),
)
