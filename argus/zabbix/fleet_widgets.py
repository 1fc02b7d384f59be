"""The widgets of the fleet dashboard, in the field format of the server at hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from argus.catalogue import (
    agent,
    allocation,
    capacity,
    correlator,
    guest_cpu,
    guest_disk,
    guest_info,
    guest_memory,
    guest_numa,
    ksm,
    libvirt,
    node_cpu,
    openstack_service,
    thp,
)
from argus.catalogue.model import Kind, Unit
from argus.render.names import item_name
from argus.zabbix.desired import (
    ALL_GROUPS,
    FLEETS_GROUP,
    GUESTS_GROUP,
    NODES_GROUP,
    OWN_GROUP,
    SERVICES_GROUP,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from argus.catalogue.model import Metric

# Types of widget fields in Zabbix' API.
_INTEGER, _TEXT, _GROUP, _ITEM = "0", "1", "2", "4"
# Constants of the "top hosts" widget.
_ITEM_VALUE, _HOST_NAME = 1, 2
_BAR = 2
_BOTTOM = 3  # order: the lowest first
_COUNT, _LAST = 4, 7
_UNRESOLVED = 3  # of the "problems" widget
_GREEN, _AMBER, _RED = "429E47", "E69F00", "D40000"

_LATELY = "5m"

Field = tuple[str, str, str]  # type, name, value


@dataclass(frozen=True, slots=True)
class Widget:
    """A widget and its place on a grid of 24 columns; ``formerly`` is how an older Argus called it."""

    kind: str
    name: str
    place: tuple[int, int, int, int]  # x, y, width, height
    fields: tuple[Field, ...]
    formerly: str = ""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a "top hosts" table; without a metric it is the host's name."""

    title: str
    metric: Metric | None = None
    limits: tuple[tuple[str, float], ...] = ()  # colour from this value on
    top: float = 0  # the end of the bar that it is; 0: a word or number on its colour
    count: bool = False  # show how many values came lately, not the newest
    lately: bool = True  # leave a value out that is older than _LATELY, else than a day


@dataclass(frozen=True, slots=True)
class _Names:
    """How the fields of lists are called: ``columns.name.0`` before 7.0, ``columns.0.name`` since."""

    since_7: bool

    def of(self, field: str, part: str, index: int) -> str:
        return f"{field}.{index}.{part}" if self.since_7 else f"{field}.{part}.{index}"

    def of_list(self, field: str, part: str, index: int, inner: int) -> str:
        if self.since_7:
            return f"{field}.{index}.{part}.{inner}"
        return f"{field}.{part}.{index}.{inner}"

    def threshold(self, part: str, index: int, inner: int) -> str:
        if self.since_7:
            return f"columnsthresholds.{index}.{part}.{inner}"
        return f"columnsthresholds.{part}.{index}.{inner}"

    def lately(self, index: int) -> list[Field]:
        if self.since_7:
            period = f"columns.{index}.time_period"
            return [(_TEXT, f"{period}.from", f"now-{_LATELY}"), (_TEXT, f"{period}.to", "now")]
        return [(_TEXT, f"columns.aggregate_interval.{index}", _LATELY)]

    def no_shift(self, index: int) -> list[Field]:
        """The shift in time, which 6.0 demands and 7.0 refuses."""
        return [] if self.since_7 else [(_TEXT, f"columns.timeshift.{index}", "")]

    def decimals(self, index: int, metric: Metric) -> list[Field]:
        """7.0 shows two unless it is told: ``answers (1.00)``; 6.0 knows by itself."""
        count = metric.unit is Unit.NONE and metric.kind is not Kind.COUNTER
        places = [(_INTEGER, f"columns.{index}.decimal_places", "0" if count else "1")]
        return places if self.since_7 and metric.kind is not Kind.INFO else []

    def most_hosts(self) -> Field:
        return _INTEGER, "show_lines" if self.since_7 else "count", "20"

    def groups(self, ids: Iterable[str]) -> list[Field]:
        return [
            (_GROUP, f"groupids.{number}" if self.since_7 else "groupids", groupid)
            for number, groupid in enumerate(ids)
        ]


def fleet_widgets(
    groups: Mapping[str, str], incidents: str, version: tuple[int, int], *, services: bool = True
) -> tuple[Widget, ...]:
    """Return the widgets.

    ``groups`` are ids of host groups by name, ``incidents`` is the id of the correlator's item that lists the
    open ones, ``services`` tells whether any is probed.
    """
    names = _Names(version >= (7, 0))
    return (
        _correlator(names, groups[OWN_GROUP]),
        _incidents(names, incidents),
        _capacity(names, groups[FLEETS_GROUP]),
        *((_services(names, groups[SERVICES_GROUP]),) if services else ()),
        _problems(names, [groups[name] for name in ALL_GROUPS], beside=services),
        _nodes(names, groups[NODES_GROUP]),
        _slow_guests(names, groups[GUESTS_GROUP]),
        _far_guests(names, groups[GUESTS_GROUP]),
        _busy_disks(names, groups[GUESTS_GROUP]),
        # across the page: a legend names node and item, and is cut off else
        _lines(names, "Overcommit and steal of the nodes", (0, 29, 24, 5), _OVERCOMMIT),
        _lines(names, "KSM and huge pages of the nodes", (0, 34, 24, 5), _MERGING),
    )


_OVERCOMMIT = (
    (allocation.VCPU_RATIO, "0072B2", False),
    (allocation.MEMORY_RATIO, "009E73", False),
    (allocation.STEAL_MAX, "D55E00", True),
)
_MERGING = (
    (ksm.PAGES_SHARING, "0072B2", False),
    (ksm.PAGES_VOLATILE, "CC79A7", False),
    (thp.ANON, "009E73", True),
)
_STEAL = ((_GREEN, 0), (_AMBER, 10), (_RED, 25))
_LOCAL = ((_RED, 0), (_AMBER, 50), (_GREEN, 80))


def _nodes(names: _Names, group: str) -> Widget:
    """All nodes of a day, the busiest first: by a value that comes even when libvirtd does not answer."""
    columns = (
        _Column("Node"),
        _Column("CPU used", node_cpu.USED, ((_GREEN, 0), (_AMBER, 80), (_RED, 95)), top=100, lately=False),
        _Column("Reports in 5 min", agent.SAMPLES, count=True),
        _Column("libvirtd", libvirt.UP, lately=False),
        _Column("Guests running", allocation.RUNNING),
        _Column("vCPUs left", allocation.VCPUS_FREE),
        _Column("vCPU overcommit", allocation.VCPU_RATIO, ((_GREEN, 0), (_AMBER, 400)), top=800),
        _Column("Memory promised", allocation.MEMORY_RATIO, ((_GREEN, 0), (_AMBER, 100)), top=150),
        _Column("Memory for guests left", allocation.MEMORY_FREE),
        _Column("Worst steal", allocation.STEAL_MAX, _STEAL, top=100),
        _Column("Pages KSM saves", ksm.PAGES_SHARING),
    )
    return _table(names, "Nodes", (0, 13, 24, 4), group, columns, order_by=1)


def _slow_guests(names: _Names, group: str) -> Widget:
    columns = (
        _Column("Guest"),
        _Column("Node", guest_info.NODE, lately=False),
        _Column("Steal", guest_cpu.STEAL_MAX, _STEAL, top=100),
        _Column("CPU", guest_cpu.TIME),
        _Column("Memory", guest_memory.CURRENT),
    )
    return _table(names, "Guests that wait most for a CPU", (0, 17, 24, 4), group, columns, order_by=2)


def _far_guests(names: _Names, group: str) -> Widget:
    columns = (
        _Column("Guest"),
        _Column("Node", guest_info.NODE, lately=False),
        _Column("Local memory", guest_numa.LOCAL_RATIO, _LOCAL, top=100),
        _Column("On NUMA nodes", guest_numa.SPANNED),
        _Column("Memory", guest_memory.CURRENT),
    )
    title = "Guests whose memory is farthest away"
    return _table(names, title, (0, 21, 24, 4), group, columns, order_by=2, lowest=True)


def _busy_disks(names: _Names, group: str) -> Widget:
    columns = (
        _Column("Guest"),
        _Column("Node", guest_info.NODE, lately=False),
        _Column("Written", guest_disk.ALL_WRITE_BYTES),
        _Column("Read", guest_disk.ALL_READ_BYTES),
        _Column("Writes", guest_disk.ALL_WRITE_OPS),
        _Column("Reads", guest_disk.ALL_READ_OPS),
        _Column("Slowest disk", guest_disk.SLOWEST),
    )
    table = _table(names, "Guests that write most", (0, 25, 24, 4), group, columns, order_by=2)
    return replace(table, formerly="Guests that write most to vda")


def _correlator(names: _Names, group: str) -> Widget:
    columns = (
        _Column("Correlator"),
        _Column("Incidents", correlator.OPEN),
        _Column("of them high", correlator.HIGH),
        _Column("Messages waiting", correlator.WAITING),
        _Column("Messages given up", correlator.DEAD),
    )
    return _table(names, "Incidents and their delivery", (0, 0, 24, 2), group, columns, order_by=1)


def _incidents(names: _Names, item: str) -> Widget:
    """The newest list of them: one text, a line an incident."""
    if names.since_7:
        fields = [
            (_INTEGER, "layout", "1"),  # the value below its heading, not beside the item's name
            (_TEXT, "columns.0.name", "Open incidents"),
            (_ITEM, "columns.0.itemid", item),
            (_INTEGER, "show_column_header", "0"),
            (_INTEGER, "show_timestamp", "1"),
        ]
    else:
        fields = [(_ITEM, "itemids", item), (_INTEGER, "style", "1")]
    kind = "itemhistory" if names.since_7 else "plaintext"
    return Widget(kind, "Open incidents", (0, 2, 24, 3), (*fields, (_INTEGER, "show_lines", "1")))


def _capacity(names: _Names, group: str) -> Widget:
    """The least is left first."""
    used = ((_GREEN, 0), (_AMBER, 80), (_RED, 95))
    columns = (
        _Column("Cloud"),
        _Column("Computes open", capacity.HOSTS_OPEN),
        _Column("vCPUs left", capacity.VCPUS_FREE),
        _Column("vCPUs given out", capacity.VCPUS_USED, used, top=100),
        _Column("Memory left", capacity.MEMORY_FREE),
        _Column("Memory given out", capacity.MEMORY_USED, used, top=100),
        _Column("Full in", capacity.FULL_IN),
        _Column("Losses that do not fit", capacity.LOSSES_SHORT),
        _Column("Guests without a host then", capacity.STRANDED),
        _Column("Quotas of cores", capacity.QUOTA_CORES),
        _Column("Quotas of RAM", capacity.QUOTA_RAM),
    )
    return _table(names, "Capacity", (0, 5, 24, 3), group, columns, order_by=2, lowest=True)


def _services(names: _Names, group: str) -> Widget:
    """The worst first."""
    states = (("E45959", 0), ("FFC859", 1), ("86CC89", 2))  # light, as words stand on them
    columns = (
        _Column("Service"),
        _Column("State", openstack_service.STATUS, states),
        _Column("Answers in", openstack_service.LATENCY),
        _Column("Instances up", openstack_service.INSTANCES_UP),
        _Column("of", openstack_service.INSTANCES),
        _Column("What the probe says", openstack_service.DETAIL, lately=False),
    )
    return _table(names, "Services", (0, 8, 12, 5), group, columns, order_by=1, lowest=True)


def _problems(names: _Names, groups: Iterable[str], *, beside: bool) -> Widget:
    """In half the width where services are beside."""
    fields = [*names.groups(groups), (_INTEGER, "show", str(_UNRESOLVED)), (_INTEGER, "show_opdata", "1")]
    place = (12, 8, 12, 5) if beside else (0, 8, 24, 5)
    return Widget("problems", "Problems", place, tuple(fields), formerly="Problems of nodes and guests")


def _table(
    names: _Names,
    title: str,
    place: tuple[int, int, int, int],
    group: str,
    columns: tuple[_Column, ...],
    order_by: int,
    *,
    lowest: bool = False,
) -> Widget:
    fields = [*names.groups([group]), (_INTEGER, "column", str(order_by)), names.most_hosts()]
    if lowest:
        fields.append((_INTEGER, "order", str(_BOTTOM)))
    for index, column in enumerate(columns):
        fields += _column_fields(names, index, column)
    return Widget("tophosts", title, place, tuple(fields))


def _column_fields(names: _Names, index: int, column: _Column) -> Iterable[Field]:
    def named(part: str) -> str:
        return names.of("columns", part, index)

    yield _TEXT, named("name"), column.title
    yield _INTEGER, named("data"), str(_ITEM_VALUE if column.metric else _HOST_NAME)
    yield _TEXT, named("base_color"), ""
    if not column.metric:
        return
    yield _TEXT, named("item"), item_name(column.metric)
    yield from names.no_shift(index)
    yield from names.decimals(index, column.metric)
    function = _COUNT if column.count else _LAST if column.lately else 0
    yield _INTEGER, named("aggregate_function"), str(function)
    if function:
        yield from names.lately(index)
    if column.limits and column.top:
        yield _INTEGER, named("display"), str(_BAR)
        yield _TEXT, named("min"), "0"
        yield _TEXT, named("max"), str(column.top)
    for inner, (colour, limit) in enumerate(column.limits):
        yield _TEXT, names.threshold("color", index, inner), colour
        yield _TEXT, names.threshold("threshold", index, inner), str(limit)


def _lines(
    names: _Names,
    title: str,
    place: tuple[int, int, int, int],
    lines: Iterable[tuple[Metric, str, bool]],
) -> Widget:
    """A graph of one metric a data set, over all hosts that have it; True puts it on the right axis."""
    fields: list[Field] = [(_INTEGER, "legend_lines", "3")]
    for index, (metric, colour, right) in enumerate(lines):
        fields += [
            (_TEXT, names.of_list("ds", "hosts", index, 0), "*"),
            (_TEXT, names.of_list("ds", "items", index, 0), item_name(metric)),
            (_TEXT, names.of("ds", "color", index), colour),
            (_INTEGER, names.of("ds", "axisy", index), str(int(right))),
            (_INTEGER, names.of("ds", "fill", index), "0"),
        ]
    return Widget("svggraph", title, place, tuple(fields))


def as_api(widget: Widget, columns: int) -> dict[str, Any]:
    """The widget for ``dashboard.create`` on a grid of that many columns."""
    stretch = columns // 24
    x, y, width, height = widget.place
    return {
        "type": widget.kind,
        "name": widget.name,
        "x": x * stretch,
        "y": y,
        "width": width * stretch,
        "height": height,
        "fields": [{"type": kind, "name": name, "value": value} for kind, name, value in widget.fields],
    }
