"""Template dashboards: an overview of tiles and first graphs, then a page for each group of subsystems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.catalogue.model import Kind, Unit
from argus.render.graphs import graph_name
from argus.render.ids import stable_uuid
from argus.render.names import TITLES, template_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from argus.catalogue.model import Graph, Metric, Subsystem

_COLUMNS = 24  # of Zabbix 6.0's grid
# Zabbix leaves these out of an export, so that leaving them out compares equal.
_DEFAULT_PLACE = {"x": "0", "y": "0", "width": "1", "height": "2"}
_TILE = (4, 2)
_GRAPH = (12, 6)
_PROTOTYPES = (24, 6)  # two side by side
# Of these there are two or more nearly always; of other things one is shown, with arrows to the next, since
# a page would be half empty where there is one.
_SIDE_BY_SIDE = frozenset({"vcpu", "thread_role", "hugepage_pool"})
_TILES_IN_A_ROW = 6
_LONGEST_TITLE = 22  # characters that a tile shows whole
# Percent of the tile's height; names of states are long.
_NUMBER_SIZES = {"value_size": "35", "decimal_size": "25", "units_size": "25"}
_STATE_SIZES = {"value_size": "18"}

# Subsystems that answer one question share a page; whatever is not named here gets a page of its own.
# A node's and a guest's page of one name are one entry.
_PAGES = (
    (
        "CPU and overcommit",
        ("allocation", "node_cpu", "node_sched", "node_load", "node_pressure", "node_cpufreq"),
    ),
    ("CPU and steal", ("guest_cpu", "guest_kvm", "guest_threads", "guest_throttle", "guest_pressure")),
    ("Memory", ("node_memory", "node_vmstat")),
    ("Memory and balloon", ("guest_memory", "guest_memory_events", "guest_process", "guest_ksm")),
    ("NUMA", ("numa", "numa_cpu", "hugepages", "placement", "guest_numa")),
    ("KSM and THP", ("ksm", "thp")),
    ("Guests", ("libvirt",)),
    (
        "Disks and vhost",
        ("node_filesystem", "storage_pool", "node_block", "node_md", "node_multipath", "node_vhost"),
    ),
    ("Disks", ("guest_disk", "guest_disk_limit", "guest_io")),
    ("Network", ("node_nic", "node_net", "guest_nic", "guest_tap")),
    ("Events and migration", ("guest_state", "guest_events", "guest_job", "guest_data")),
    ("Agent and audit", ("agent", "audit")),
)
# What a person looks at first, by host, and what it is called there.
TILES = {
    "node": {
        "libvirt_up": "libvirtd",
        "allocation_guests_running": "Guests running",
        "allocation_vcpu_overcommit_ratio": "vCPU overcommit",
        "allocation_memory_overcommit_ratio": "Memory overcommit",
        "allocation_guest_steal_max_ratio": "Worst steal",
        "cpu_used_ratio": "CPU used",
        "memory_available_ratio": "Memory available",
        "libvirt_guests_unresponsive": "Guests that hang",
        "ksm_run": "KSM",
        "audit_differing": "Settings not as agreed",
        "placement_shared_core_ratio": "Shared cores",
        "agent_spool_values": "Waiting to be sent",
    },
    "guest": {
        "state_reason": "State",
        "info_node": "Node",
        "info_flavor": "Flavor",
        "info_project_name": "Project",
        "cpu_steal_max_ratio": "Worst steal of a vCPU",
        "cpu_time_seconds": "CPU, 100 % a vCPU",
        "cpu_vcpus": "vCPUs",
        "memory_current_bytes": "Memory given",
        "memory_used_ratio": "Memory used",
        "numa_local_ratio": "Local memory",
        "process_swap_bytes": "Swapped by the node",
        "job_active": "Migration or job",
    },
    "correlator": {
        "incidents_open": "Incidents",
        "incidents_open_high": "of them high",
        "incidents_pending": "Not yet incidents",
        "outbox_waiting": "Messages waiting",
        "outbox_oldest_age_seconds": "Oldest message",
        "outbox_dead": "Messages given up",
    },
    "service": {
        "probe_status": "State",
        "probe_latency_seconds": "Answers in",
        "probe_instances_up": "Instances up",
        "probe_detail": "What the probe says",
    },
    "fleet": {
        "capacity_vcpus_free": "vCPUs left",
        "capacity_memory_free_bytes": "Memory left",
        "capacity_hosts_open": "Computes open",
        "capacity_full_in_seconds": "Full in",
        "capacity_losses_short": "Losses that do not fit",
        "capacity_quota_cores_ratio": "Quotas of cores",
    },
}
_OVERVIEW_GRAPHS = 2  # of each page
_MANY_PAGES = 6  # from more pages than this the overview takes one graph each: it shall fit on a screen


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
    groups = list(grouped(subsystems))
    for title, graphs in groups if len(groups) > 1 else ():
        pages.append({"name": title, "widgets": _laid_out(_graph_box(host, graph) for graph in graphs)})
    return {
        "uuid": stable_uuid(template_name(host), "dashboard", "overview"),
        "name": name,
        "pages": [page for page in pages if page["widgets"]],
    }


def grouped(subsystems: Sequence[Subsystem]) -> Iterable[tuple[str, list[Graph]]]:
    """Yield pages that have graphs: their title, and the graphs that answer one question together.

    Raises ``ValueError`` for a graph on a page that there is not.
    """
    page_of = {name: title for title, names in _PAGES for name in names}
    order = {name: number for number, name in enumerate(page_of)}
    pages: dict[str, list[Graph]] = {title: [] for title, _ in _PAGES}
    for subsystem in sorted(subsystems, key=lambda each: order.get(each.name, len(order))):
        for graph in subsystem.graphs:
            if graph.page and graph.page not in page_of.values():
                raise ValueError(f"there is no page {graph.page!r} for graph {graph.name!r}")
            title = graph.page or page_of.get(subsystem.name, subsystem.title)
            pages.setdefault(title, []).append(graph)
    return ((title, graphs) for title, graphs in pages.items() if graphs)


def _overview(host: str, subsystems: Sequence[Subsystem]) -> list[_Box]:
    """Tiles for what a person looks at first, then each page's first graphs.

    Raises ``ValueError`` for a title that a tile would cut off.
    """
    groups = list(grouped(subsystems))
    most = 1 if len(groups) > _MANY_PAGES else _OVERVIEW_GRAPHS if len(groups) > 1 else None  # of one: all
    graphs = [graph for _, of_page in groups for graph in of_page[:most]]
    shown = {m.field: m for s in subsystems for m in s.metrics if m.shown and not m.entity.own_labels}
    tiles = [(shown[field], title) for field, title in TILES[host].items() if field in shown]
    for _, title in tiles:
        if len(title) > _LONGEST_TITLE:
            raise ValueError(f"the title {title!r} of a tile has more than {_LONGEST_TITLE} characters")
    enough = len(tiles) >= 2 * _TILES_IN_A_ROW  # a second row, or none
    return [
        *(_tile_box(host, *tile) for tile in tiles[: 2 * _TILES_IN_A_ROW if enough else _TILES_IN_A_ROW]),
        *(_graph_box(host, graph, small=True) for graph in graphs),
    ]


def _tile_box(host: str, metric: Metric, title: str) -> _Box:
    sizes = dict(_STATE_SIZES if metric.kind in {Kind.STATE, Kind.INFO} else _NUMBER_SIZES)
    if metric.kind in {Kind.GAUGE, Kind.STATE}:  # a count has none, nor the number of a state
        sizes["decimal_places"] = "0" if metric.unit is Unit.NONE else "1"
    fields = [
        {"type": "ITEM", "name": "itemid", "value": {"host": template_name(host), "key": metric.zabbix_key}},
        {"type": "INTEGER", "name": "show", "value": "2"},  # the value alone
        *({"type": "INTEGER", "name": part, "value": size} for part, size in sizes.items()),
    ]
    return _Box(*_TILE, {"type": "ITEM", "name": title, "fields": fields})


def _graph_box(host: str, graph: Graph, *, small: bool = False) -> _Box:
    """A graph; of a prototype one with arrows to the next, or two of what there are several of."""
    reference = {"host": template_name(host), "name": graph_name(graph)}
    if not graph.metrics[0].entity.own_labels:
        fields = [
            {"type": "INTEGER", "name": "source_type", "value": "0"},
            {"type": "GRAPH", "name": "graphid", "value": reference},
        ]
        return _Box(*_GRAPH, {"type": "GRAPH_CLASSIC", "fields": fields})
    wide = not small and graph.metrics[0].entity.name in _SIDE_BY_SIDE
    fields = [
        {"type": "INTEGER", "name": "source_type", "value": "2"},
        {"type": "INTEGER", "name": "columns", "value": "2" if wide else "1"},
        {"type": "INTEGER", "name": "rows", "value": "1"},
        {"type": "GRAPH_PROTOTYPE", "name": "graphid", "value": reference},
    ]
    return _Box(*(_PROTOTYPES if wide else _GRAPH), {"type": "GRAPH_PROTOTYPE", "fields": fields})


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
