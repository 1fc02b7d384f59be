"""From what Nova, Placement and Keystone answered to a fleet: pure, and strict about shapes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from argus.correlator.capacity import flavors
from argus.correlator.capacity.model import (
    Allocation,
    Flavor,
    Fleet,
    Guest,
    Host,
    Inventory,
    Move,
    Provider,
    Quota,
    amounts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

NO_LIMIT = -1


@dataclass(slots=True)
class Documents:
    """Lists as the APIs gave them; ``None`` for one that could not be read, with the reason in ``missing``.

    ``inventories``, ``allocations`` and ``traits`` are by the provider's UUID; one that could not be read is
    not there, and ``unread`` says why.  ``shared`` has the roots with which a sharing provider shares.
    """

    providers: Sequence[Mapping[str, Any]] | None = None
    inventories: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    allocations: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    traits: dict[str, Sequence[str]] = field(default_factory=dict)
    shared: dict[str, Sequence[str]] = field(default_factory=dict)
    hypervisors: Sequence[Mapping[str, Any]] | None = None
    services: Sequence[Mapping[str, Any]] | None = None
    aggregates: Sequence[Mapping[str, Any]] | None = None
    flavors: Sequence[Mapping[str, Any]] | None = None
    servers: Sequence[Mapping[str, Any]] | None = None
    migrations: Sequence[Mapping[str, Any]] | None = None
    groups: Sequence[Mapping[str, Any]] | None = None
    quotas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def fleet(name: str, documents: Documents, at: float, racks: Iterable[str] = ()) -> Fleet:
    """Make a fleet; ``racks`` are names of aggregates that are racks.  Raises ``KeyError``, ``TypeError`` or
    ``ValueError`` when a document has another shape than the APIs' reference gives.
    """
    missing = dict(documents.missing)
    names = _names(documents)
    hosts = tuple(_hosts(documents, names, frozenset(racks)))
    guests, broken = _guests(documents)
    if broken:
        missing["servers"] = f"{broken} servers are in a cell that is down: Nova tells only their names"
    return Fleet(
        name,
        hosts,
        guests,
        tuple(_flavors(documents, missing)),
        tuple(_allocations(documents, names)),
        tuple(_moves(documents)),
        tuple(_quotas(documents)),
        missing,
        at,
    )


def _names(documents: Documents) -> dict[str, str]:
    """Name the compute of each provider: that of the hypervisor (same UUID since 2.53), or the root's own."""
    known = {row["id"]: row["service"]["host"] for row in documents.hypervisors or ()}
    roots = {row["uuid"]: row.get("root_provider_uuid") or row["uuid"] for row in documents.providers or ()}
    titles = {row["uuid"]: row["name"] for row in documents.providers or ()}
    return {uuid: known.get(root, titles.get(root, root)) for uuid, root in roots.items()}


def _hosts(documents: Documents, names: Mapping[str, str], racks: frozenset[str]) -> Iterator[Host]:
    trees: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    pools: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in documents.providers or ():
        trees[names[row["uuid"]]].append(row)
        for root in dict.fromkeys(documents.shared.get(row["uuid"], ())):
            if names.get(root, "") != names[row["uuid"]]:
                pools[names.get(root, root)].append(row)
    computes = {row["service"]["host"] for row in documents.hypervisors or ()}
    wanted = computes or {name for name, rows in trees.items() if _is_compute(documents, rows)}
    services = {row["host"]: row for row in documents.services or () if row["binary"] == "nova-compute"}
    for name in sorted(wanted):
        rows = sorted(trees.get(name, ()), key=lambda row: bool(row.get("parent_provider_uuid")))
        mine = [each for each in documents.aggregates or () if name in each["hosts"]]
        metadata: defaultdict[str, set[str]] = defaultdict(set)
        for each in mine:
            for key, value in each["metadata"].items():
                metadata[key] |= {part.strip() for part in str(value).split(",")}
        tenants = {
            v for key, values in metadata.items() if key.startswith("filter_tenant_id") for v in values
        }
        yield Host(
            name,
            tuple(
                _provider(documents, row)
                for row in (*rows, *pools.get(name, ()))
                if row["uuid"] in documents.inventories
            ),
            zone=str((services.get(name) or {}).get("zone") or ""),
            aggregates=tuple(sorted(each["name"] for each in mine)),
            rack=next((each["name"] for each in mine if each["name"] in racks), ""),
            closed=_closed(documents, name, rows, services),
            tenants=frozenset(tenants),
            metadata={key: frozenset(values) for key, values in metadata.items()},
        )


def _is_compute(documents: Documents, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any("COMPUTE_NODE" in documents.traits.get(row["uuid"], ()) for row in rows)


def _closed(
    documents: Documents,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    services: Mapping[str, Mapping[str, Any]],
) -> str:
    unread = next((documents.unread[row["uuid"]] for row in rows if row["uuid"] in documents.unread), "")
    if unread:
        return f"Placement does not tell: {unread}"
    if not rows:
        return "no resource provider in Placement"
    if documents.services is None:
        return f"not known whether it is up: {documents.missing.get('services', 'not read')}"
    return _state(services.get(name))


def _state(service: Mapping[str, Any] | None) -> str:
    if service is None:
        return "no compute service in Nova"
    if service.get("forced_down"):
        return "forced down"
    if service["state"] != "up":
        return "down"
    return "disabled" if service["status"] != "enabled" else ""


def _provider(documents: Documents, row: Mapping[str, Any]) -> Provider:
    uuid = row["uuid"]
    used: defaultdict[str, int] = defaultdict(int)
    for held in documents.allocations.get(uuid, {}).values():
        for kind, amount in held["resources"].items():
            used[kind] += amount
    offers = {
        kind: Inventory(
            each["total"],
            each["reserved"],
            each["allocation_ratio"],
            each["min_unit"],
            each["max_unit"],
            each["step_size"],
        )
        for kind, each in documents.inventories[uuid].items()
    }
    traits = frozenset(documents.traits.get(uuid, ()))
    return Provider(uuid, offers, dict(used), traits, uuid in documents.shared, row["name"])


def _allocations(documents: Documents, names: Mapping[str, str]) -> Iterator[Allocation]:
    sums: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for uuid, held in documents.allocations.items():
        for consumer, each in held.items():
            for kind, amount in each["resources"].items():
                sums[consumer, names[uuid]][kind] += amount
    pools = {names[uuid] for uuid in documents.shared}
    for (consumer, host), kinds in sorted(sums.items()):
        yield Allocation(consumer, host, amounts(kinds), host in pools)


def _guests(documents: Documents) -> tuple[tuple[Guest, ...], int]:
    """Return the servers that are on a host, and how many of the list are only names (their cell is down)."""
    groups = {uuid: group for group in documents.groups or () for uuid in group.get("members", ())}
    names = _names(documents)
    held: defaultdict[str, list[tuple[str, Mapping[str, int]]]] = defaultdict(list)
    pools: defaultdict[str, set[str]] = defaultdict(set)
    for provider, consumers in documents.allocations.items():
        for consumer, each in consumers.items():
            if provider in documents.shared:
                pools[consumer].add(provider)
            else:
                held[consumer].append((names[provider], each["resources"]))
    found, broken = [], 0
    for row in documents.servers or ():
        if "flavor" not in row or "OS-EXT-SRV-ATTR:host" not in row:
            broken += 1
        elif row["OS-EXT-SRV-ATTR:host"]:
            guest = _guest(row, groups.get(row["id"]), held.get(row["id"], []))
            keeps = frozenset(pools.get(row["id"], ()))
            found.append(replace(guest, request=replace(guest.request, pools=keeps)) if keeps else guest)
    return tuple(found), broken


def _guest(
    row: Mapping[str, Any],
    group: Mapping[str, Any] | None,
    held: Sequence[tuple[str, Mapping[str, int]]],
) -> Guest:
    host = row["OS-EXT-SRV-ATTR:host"]
    asked = flavors.request(row["flavor"], from_volume=not row.get("image"))
    claim: defaultdict[str, int] = defaultdict(int)
    for where, resources in held:
        if where == host:
            for kind, amount in resources.items():
                claim[kind] += amount
    if claim:  # what Placement holds is what has to move, whatever the flavor has become since
        asked = replace(asked, needs=amounts(claim))
    return Guest(
        row["id"],
        host,
        asked,
        row.get("name") or "",
        row.get("tenant_id") or "",
        row["flavor"].get("original_name") or "",
        group["id"] if group else "",
        _policy(group),
        tuple(sorted({where for where, _ in held})),
    )


def _policy(group: Mapping[str, Any] | None) -> str:
    if group is None:
        return ""
    return str(group.get("policy") or next(iter(group.get("policies", [])), ""))


def _flavors(documents: Documents, missing: dict[str, str]) -> Iterator[Flavor]:
    for row in documents.flavors or ():
        if row.get("OS-FLV-DISABLED:disabled"):
            continue
        try:
            yield flavors.flavor(row)
        except ValueError as exc:  # extra specs are free text: one bad flavor must not hide the others
            missing[f"flavor {row['name']}"] = f"its extra specs cannot be read: {exc}"


def _moves(documents: Documents) -> Iterator[Move]:
    for row in documents.migrations or ():
        yield Move(
            row.get("uuid") or "",
            row.get("instance_uuid") or "",
            row.get("source_compute") or "",
            row.get("dest_compute") or "",
            row.get("status") or "",
            row.get("migration_type") or "",
        )


def _quotas(documents: Documents) -> Iterator[Quota]:
    for project, row in sorted(documents.quotas.items()):
        for kind in ("cores", "ram", "instances"):
            limit = row[kind]["limit"]
            yield Quota(project, kind, None if limit == NO_LIMIT else limit, row[kind]["in_use"])
