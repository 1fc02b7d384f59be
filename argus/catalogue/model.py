"""What a metric is, whoever collects, stores or shows it."""

from __future__ import annotations

import dataclasses
import enum
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class Kind(enum.Enum):
    """How a value behaves in time."""

    GAUGE = "gauge"
    COUNTER = "counter"  # goes out raw; Zabbix and PromQL make the rate
    STATE = "state"  # one of a few numbers that have names
    INFO = "info"  # text that changes seldom


class Unit(enum.Enum):
    """Base units; the value is the suffix that the metric's name must carry."""

    NONE = ""
    BYTES = "_bytes"
    SECONDS = "_seconds"
    RATIO = "_ratio"
    JOULES = "_joules"


OWN_HOSTS = frozenset({"correlator", "service", "fleet"})
"""Scopes that are Zabbix hosts of their own, fed by the correlator rather than by an agent."""
HOST_LABELS = frozenset({"uuid", "cloud", "region", "service"})
"""Labels that Prometheus needs and that in Zabbix are the host."""


@dataclass(frozen=True, slots=True)
class Entity:
    """What one series is about.

    ``scope`` is the word in names (``argus_<scope>_...``), ``labels`` identify the series below the
    node, ``plural`` is the list in the JSON document that holds the entity (empty: the document itself).
    """

    name: str
    scope: str
    labels: tuple[str, ...] = ()
    plural: str = ""
    detail: bool = False  # of a guest: left out where less goes to Zabbix
    of_guest: bool = dataclasses.field(init=False, compare=False)
    """Whether the series belongs to the Zabbix host of a guest rather than to that of the node."""

    def __post_init__(self) -> None:
        """Settle what each value is asked for."""
        object.__setattr__(self, "of_guest", "uuid" in self.labels)

    @property
    def host(self) -> str:
        """Which kind of Zabbix host carries the series: that of a node where nothing says otherwise."""
        if self.of_guest:
            return "guest"
        return self.scope if self.scope in OWN_HOSTS else "node"

    @property
    def own_labels(self) -> tuple[str, ...]:
        """The labels below the Zabbix host: what discovery has to tell."""
        return tuple(label for label in self.labels if label not in HOST_LABELS)


NODE = Entity("node", "node")
NUMA_NODE = Entity("numa_node", "node", ("numa_node",), "numa_nodes")
AGENT = Entity("agent", "agent")
COLLECTOR = Entity("collector", "agent", ("collector",), "collectors")
GUEST = Entity("guest", "guest", ("uuid",))
VCPU = Entity("vcpu", "guest", ("uuid", "vcpu"), "vcpus", detail=True)
DISK = Entity("disk", "guest", ("uuid", "disk"), "disks")
NIC = Entity("nic", "guest", ("uuid", "nic"), "nics")
THREAD_ROLE = Entity("thread_role", "guest", ("uuid", "role"), "thread_roles", detail=True)
HUGEPAGE_POOL = Entity("hugepage_pool", "node", ("numa_node", "size"), "hugepage_pools")
GUEST_NUMA_NODE = Entity("guest_numa_node", "guest", ("uuid", "numa_node"), "numa_nodes", detail=True)
GUEST_DEVICE = Entity("guest_device", "guest", ("uuid", "device"), "devices", detail=True)
GUEST_PATH = Entity("guest_path", "guest", ("uuid", "path"), "paths", detail=True)
STORAGE_POOL = Entity("storage_pool", "node", ("pool",), "storage_pools")
LIBVIRT_CALL = Entity("libvirt_call", "node", ("call",), "libvirt_calls")
BLOCK_DEVICE = Entity("block_device", "node", ("device",), "block_devices")
NODE_NIC = Entity("node_nic", "node", ("nic",), "nics")
UNIT = Entity("unit", "node", ("unit",), "units")
AUDIT_CHECK = Entity("audit_check", "node", ("check",), "audit_checks")
HUGEPAGE_SIZE = Entity("hugepage_size", "node", ("size",), "hugepage_sizes")
MEMORY_CONTROLLER = Entity("memory_controller", "node", ("controller",), "memory_controllers")
ENERGY_ZONE = Entity("energy_zone", "node", ("zone",), "energy_zones")
DIMM = Entity("dimm", "node", ("controller", "dimm"), "dimms")
VIRTUAL_FUNCTION = Entity("virtual_function", "node", ("nic", "vf"), "virtual_functions")
HELPER_ROLE = Entity("helper_role", "guest", ("uuid", "role"), "helpers", detail=True)
GUEST_VF = Entity("guest_vf", "guest", ("uuid", "vf"), "virtual_functions")
FILESYSTEM = Entity("filesystem", "node", ("mount",), "filesystems")
MD_ARRAY = Entity("md_array", "node", ("array",), "md_arrays")
ENTITIES = (
    NODE,
    NUMA_NODE,
    HUGEPAGE_POOL,
    AGENT,
    COLLECTOR,
    GUEST,
    VCPU,
    DISK,
    NIC,
    THREAD_ROLE,
    GUEST_NUMA_NODE,
    GUEST_DEVICE,
    GUEST_PATH,
    STORAGE_POOL,
    LIBVIRT_CALL,
    BLOCK_DEVICE,
    NODE_NIC,
    UNIT,
    AUDIT_CHECK,
    HUGEPAGE_SIZE,
    MEMORY_CONTROLLER,
    DIMM,
    ENERGY_ZONE,
    VIRTUAL_FUNCTION,
    GUEST_VF,
    HELPER_ROLE,
    FILESYSTEM,
    MD_ARRAY,
)

Value = float | str


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is measured, declared once.

    ``help`` says what the number means and what a person does with it; ``source`` names the kernel
    file, libvirt field or API it comes from.  ``shown=False`` imports the Zabbix item disabled.
    ``listing``: a text of any length, for the correlator; no label of a Prometheus series.
    ``per_second``: a gauge that is a speed by itself.  ``rare``: a counter of what happens seldom; Zabbix
    shows how often since the value before, since "0.0667 panics per second" tells nobody anything.
    """

    subsystem: str
    name: str
    help: str
    source: str
    entity: Entity = NODE
    kind: Kind = Kind.GAUGE
    unit: Unit = Unit.NONE
    states: Mapping[int, str] = dataclasses.field(default_factory=dict, hash=False, compare=False)
    shown: bool = True
    listing: bool = False
    per_second: bool = False
    rare: bool = False
    field: str = dataclasses.field(init=False, compare=False)
    """The member of the JSON document that carries the value."""
    prometheus_name: str = dataclasses.field(init=False, compare=False)
    """``argus_<scope>_<subsystem>_<name>``; texts of a subsystem share one ``_info`` series."""

    def __post_init__(self) -> None:
        """Refuse a declaration that would make a bad name; the build is the place to notice."""
        field = f"{self.subsystem}_{self.name}" if self.name else self.subsystem
        object.__setattr__(self, "field", field)
        for part in (self.subsystem, field):
            if not _NAME.fullmatch(part):
                raise ValueError(f"{part!r} is not a metric name: lower case words joined by _")
        if not self.field.endswith(self.unit.value):
            raise ValueError(f"{self.field} is in {self.unit.name}: its name must end in {self.unit.value}")
        if (self.kind is Kind.STATE) != bool(self.states):
            raise ValueError(f"{self.field}: a state, and only a state, names its values in states=")
        if (self.per_second and self.kind is not Kind.GAUGE) or (self.rare and self.kind is not Kind.COUNTER):
            raise ValueError(f"{self.field}: per_second is said of a gauge, rare of a counter")
        object.__setattr__(self, "states", MappingProxyType(dict(self.states)))
        object.__setattr__(self, "prometheus_name", self._prometheus_name())

    def __hash__(self) -> int:
        """Of what is short and differs; the help is neither worth nor cheap."""
        return hash((self.subsystem, self.name))

    def _prometheus_name(self) -> str:
        if self.kind is Kind.INFO and self.subsystem in (self.entity.scope, "info"):
            return f"argus_{self.entity.scope}_info"  # argus_guest_info, not argus_guest_info_info
        if self.kind is Kind.INFO:
            return f"argus_{self.entity.scope}_{self.subsystem}_info"
        prefix = f"argus_{self.entity.scope}_{self.field}"
        if self.entity.scope == self.subsystem:  # argus_agent_..., not argus_agent_agent_...
            prefix = f"argus_{self.field}"
        return prefix + ("_total" if self.kind is Kind.COUNTER else "")

    @property
    def info_label(self) -> str:
        """The label that carries a text in its ``_info`` series."""
        return self.name or self.subsystem

    @property
    def zabbix_key(self) -> str:
        """``argus.node.*``, ``argus.guest.*``; counters end in ``.rate``, discovered ones ``[{#LABEL}]``."""
        words = [self.subsystem, self.name] if self.name else [self.subsystem]
        rate = ".rate" if self.kind is Kind.COUNTER else ""
        macros = ",".join(lld_macro(label) for label in self.entity.own_labels)
        return f"argus.{self.entity.host}.{'.'.join(words)}{rate}" + (f"[{macros}]" if macros else "")

    @property
    def zabbix_scale(self) -> int:
        """Zabbix shows ratios, and seconds per second, in percent: value shown = value * scale."""
        shares = self.unit is Unit.RATIO or (self.unit is Unit.SECONDS and self.kind is Kind.COUNTER)
        return 100 if shares else 1

    def sample(self, value: Value, *labels: str) -> Sample:
        """Make a sample; ``labels`` in the order of ``entity.labels``.

        Raises ``ValueError`` for a wrong number of labels, ``TypeError`` for text in a number.
        """
        if len(labels) != len(self.entity.labels):
            raise ValueError(f"{self.field} takes the labels {self.entity.labels}, not {labels}")
        if isinstance(value, str) != (self.kind is Kind.INFO):
            raise TypeError(f"{self.field} is a {self.kind.value}, not {type(value).__name__}")
        return _new(Sample, (self, value, labels, None))


class Sample(NamedTuple):
    """One measured value of one series; a tuple, since a cycle of a full node makes tens of thousands.

    ``at`` is when it was measured, in seconds since the epoch; ``None``: in the cycle that tells it.
    """

    metric: Metric
    value: Value
    labels: tuple[str, ...] = ()
    at: float | None = None


class Row(NamedTuple):
    """Values of several metrics that share labels and time; ``None``: this one is not known.

    What a cycle tells of guests are rows for the most part: a row of twelve costs what two samples do.
    ``metrics`` is the same tuple each time; they belong to one entity.
    """

    metrics: tuple[Metric, ...]
    values: tuple[Value | None, ...]
    labels: tuple[str, ...]
    at: float | None = None

    def samples(self) -> Iterator[Sample]:
        """Yield what is known, one by one, checked as ``Metric.sample`` does."""
        for metric, value in zip(self.metrics, self.values, strict=True):
            if value is not None:
                yield metric.sample(value, *self.labels)._replace(at=self.at)


_Told = TypeVar("_Told", bound="Sample | Row")


def samples_of(told: Iterable[Sample | Row]) -> Iterator[Sample]:
    """Yield everything as samples."""
    for one in told:
        if isinstance(one, Row):
            yield from one.samples()
        else:
            yield one


_new = tuple.__new__
"""Makes a ``Sample`` without its constructor, which takes longer than all the rest of ``Metric.sample``."""


def measured(one: _Told, at: float) -> _Told:
    """Return the same with the time at which it was measured: a quarter of what ``_replace`` takes."""
    return _new(type(one), (*one[:3], at))


def lld_macro(label: str) -> str:
    """The low-level discovery macro of a label: ``disk`` -> ``{#DISK}``."""
    return "{#" + label.upper() + "}"


class Severity(enum.Enum):
    """Zabbix' trigger severities that Argus uses."""

    INFO = "INFO"
    WARNING = "WARNING"
    AVERAGE = "AVERAGE"
    HIGH = "HIGH"


@dataclass(frozen=True, slots=True)
class Macro:
    """A threshold that an administrator tunes; ``name`` has no braces: ``ARGUS.GUEST.STEAL.MAX.WARN``."""

    name: str
    default: str
    help: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A Zabbix trigger.

    ``@1``, ``@2`` ... in the expressions stand for the items of ``metrics``; macros are written as
    Zabbix does, ``{$NAME}``.  All metrics of a trigger belong to one entity.
    """

    ident: str
    name: str
    metrics: tuple[Metric, ...]
    expression: str
    severity: Severity
    scope: str  # Zabbix' tag: availability | performance | notice | capacity | security
    help: str  # what it means and what to do
    recovery: str = ""
    event_name: str = ""
    opdata: str = ""
    manual_close: bool = False
    depends_on: tuple[str, ...] = ()  # idents of triggers in the same template


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph (or graph prototype) over metrics of one entity, for template dashboards and latest data."""

    name: str
    metrics: tuple[Metric, ...]
    stacked: bool = False
    page: str = ""  # of the dashboards, where it is not that of its subsystem


@dataclass(frozen=True, slots=True)
class Subsystem:
    """One module of the catalogue; ``exported`` are told to Prometheus alone."""

    name: str
    title: str
    metrics: tuple[Metric, ...]
    triggers: tuple[Trigger, ...] = ()
    macros: tuple[Macro, ...] = ()
    graphs: tuple[Graph, ...] = ()
    exported: tuple[Metric, ...] = ()
