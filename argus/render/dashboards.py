"""Template dashboards: an overview of tiles and first graphs, then a page for each group of subsystems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.catalogue.model import Kind, Unit
from argus.render.graphs import graph_name
from argus.render.ids import stable_uuid
from argus.render.names import TITLES, template_name, tile_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argus.catalogue.model import Graph, Metric, Subsystem

_COLUMNS = 24  # of Zabbix 6.0's grid
# Zabbix leaves these out of an export, so that leaving them out compares equal.
_DEFAULT_PLACE = {"x": "0", "y": "0", "width": "1", "height": "2"}
_TILE = (4, 2)
_GRAPH = (12, 6)
_PROTOTYPES = (24, 6)  # two side by side
_TILES_IN_A_ROW = 6
# Percent of the tile's height; names of states are long.
_NUMBER_SIZES = {"value_size": "35", "decimal_size": "25", "units_size": "25"}
_STATE_SIZES = {"value_size": "18"}

# Subsystems that answer one question share a page; whatever is not named here gets a page of its own.
_PAGES = (
    (
        "CPU and overcommit",
        ("allocation", "node_cpu", "node_sched", "node_load", "node_pressure", "node_cpufreq"),
    ),
    ("Memory and NUMA", ("node_memory", "node_vmstat", "numa", "numa_cpu", "hugepages", "placement")),
    ("KSM and THP", ("ksm", "thp")),
    ("Guests and agent", ("libvirt", "agent", "audit")),
    ("Disks and network", ("storage_pool", "node_block", "node_nic", "node_net")),
    ("CPU and steal", ("guest_cpu", "guest_kvm", "guest_threads", "guest_throttle", "guest_pressure")),
    ("Memory and balloon", ("guest_memory", "guest_memory_events", "guest_process", "guest_ksm")),
    ("NUMA", ("guest_numa",)),
    ("Disks", ("guest_disk", "guest_disk_limit", "guest_io")),
    ("Network", ("guest_nic", "guest_tap")),
    ("Events and migration", ("guest_state", "guest_events", "guest_job", "guest_data")),
)
# What a person looks at first, by host; whatever the catalogue does not have is left out.
_TILES_FIRST = {
    "node": (
        "libvirt_up",
        "allocation_guests_running",
        "allocation_vcpu_overcommit_ratio",
        "allocation_memory_overcommit_ratio",
        "allocation_guest_steal_max_ratio",
        "cpu_used_ratio",
        "memory_available_ratio",
        "libvirt_guests_unresponsive",
        "ksm_run",
        "audit_differing",
        "placement_shared_core_ratio",
        "agent_spool_values",
    ),
    "guest": (
        "state_reason",
        "info_node",
        "info_flavor",
        "info_project_name",
        "cpu_steal_max_ratio",
        "cpu_time_seconds",
        "memory_current_bytes",
        "memory_used_ratio",
        "numa_local_ratio",
        "process_swap_bytes",
    ),
    "correlator": ("incidents_open", "incidents_open_high", "outbox_waiting", "outbox_dead"),
    "service": ("probe_status", "probe_latency_seconds", "probe_instances_up", "probe_detail"),
    "fleet": (
        "capacity_vcpus_free",
        "capacity_memory_free_bytes",
        "capacity_hosts_open",
        "capacity_full_in_seconds",
        "capacity_losses_short",
        "capacity_quota_cores_ratio",
    ),
}
_OVERVIEW_GRAPHS = 2  # of each page


@dataclass(frozen=True, slots=True)
class _Box:
    """A widget before it has a place."""

    width: int
    height: int
    body: dict[str, Any]


def render_dashboard(host: str, subsystems: Sequence[Subsystem]) -> dict[str, Any]:
    """The one dashboard of the template of ``host``."""
    name = TITLES[host]
    pages = [{"name": "Overview", "widgets": _laid_out(_overview(host, subsystems))}]
    for title, members in grouped(subsystems):
        boxes = [_graph_box(host, graph) for subsystem in members for graph in subsystem.graphs]
        if boxes:
            pages.append({"name": title, "widgets": _laid_out(boxes)})
    return {
        "uuid": stable_uuid(template_name(host), "dashboard", "overview"),
        "name": name,
        "pages": [page for page in pages if page["widgets"]],
    }


def grouped(subsystems: Sequence[Subsystem]) -> Iterable[tuple[str, list[Subsystem]]]:
    """Yield pages: their title, and the subsystems that answer one question together."""
    by_name = {subsystem.name: subsystem for subsystem in subsystems}
    for title, names in _PAGES:
        members = [by_name.pop(name) for name in names if name in by_name]
        if members:
            yield title, members
    for subsystem in by_name.values():
        yield subsystem.title, [subsystem]


def _overview(host: str, subsystems: Sequence[Subsystem]) -> list[_Box]:
    """Tiles for what a person looks at first, then each page's first graphs."""
    graphs = [
        graph
        for _, members in grouped(subsystems)
        for graph in [g for subsystem in members for g in subsystem.graphs][:_OVERVIEW_GRAPHS]
    ]
    shown = {m.field: m for s in subsystems for m in s.metrics if m.shown and not m.entity.own_labels}
    tiles = [shown[field] for field in _TILES_FIRST[host] if field in shown]
    enough = len(tiles) >= 2 * _TILES_IN_A_ROW  # a second row, or none
    return [
        *(_tile_box(host, metric) for metric in tiles[: 2 * _TILES_IN_A_ROW if enough else _TILES_IN_A_ROW]),
        *(_graph_box(host, graph, small=True) for graph in graphs),
    ]


def _tile_box(host: str, metric: Metric) -> _Box:
    sizes = dict(_STATE_SIZES if metric.kind in {Kind.STATE, Kind.INFO} else _NUMBER_SIZES)
    if metric.unit is Unit.NONE and metric.kind in {Kind.GAUGE, Kind.STATE}:
        sizes["decimal_places"] = "0"  # a count, or the number of a state
    fields = [
        {"type": "ITEM", "name": "itemid", "value": {"host": template_name(host), "key": metric.zabbix_key}},
        {"type": "INTEGER", "name": "show", "value": "2"},  # the value alone
        *({"type": "INTEGER", "name": part, "value": size} for part, size in sizes.items()),
    ]
    return _Box(*_TILE, {"type": "ITEM", "name": tile_title(metric), "fields": fields})


def _graph_box(host: str, graph: Graph, *, small: bool = False) -> _Box:
    """A graph; of a prototype two, or when ``small`` the first, with arrows to the next."""
    reference = {"host": template_name(host), "name": graph_name(graph)}
    if not graph.metrics[0].entity.own_labels:
        fields = [
            {"type": "INTEGER", "name": "source_type", "value": "0"},
            {"type": "GRAPH", "name": "graphid", "value": reference},
        ]
        return _Box(*_GRAPH, {"type": "GRAPH_CLASSIC", "fields": fields})
    fields = [
        {"type": "INTEGER", "name": "source_type", "value": "2"},
        {"type": "INTEGER", "name": "columns", "value": "1" if small else "2"},
        {"type": "INTEGER", "name": "rows", "value": "1"},
        {"type": "GRAPH_PROTOTYPE", "name": "graphid", "value": reference},
    ]
    return _Box(*(_GRAPH if small else _PROTOTYPES), {"type": "GRAPH_PROTOTYPE", "fields": fields})


def _laid_out(boxes: Iterable[_Box]) -> list[dict[str, Any]]:
    """Put boxes left to right, row by row; a row is as high as its highest box."""
    placed: list[dict[str, Any]] = []
    x = y = row = 0
    for box in boxes:
        if x + box.width > _COLUMNS or (row and box.height != row):
            x, y, row = 0, y + row, 0
        row = max(row, box.height)
        kind_and_name = {k: v for k, v in box.body.items() if k != "fields"}
        place = {"x": str(x), "y": str(y), "width": str(box.width), "height": str(box.height)}
        shown = {side: number for side, number in place.items() if number != _DEFAULT_PLACE[side]}
        placed.append(kind_and_name | shown | {"fields": box.body["fields"]})
        x += box.width
    return placed
