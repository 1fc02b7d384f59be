"""Read what capacity needs of a cloud: few calls, in threads, each with its own fate.

Placement answers by provider; what a provider's generation says has not changed since is not asked again.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from argus.openstack.answer import Answer, Why
from argus.openstack.documents import Documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argus.openstack.cloud import Cloud

WORKERS = 8
PLACEMENT = "1.20"  # roots of nested providers (1.14), generations with each answer (1.19, 1.20)
NOVA = (
    "2.69"  # flavors inside servers (2.47), policies of groups (2.64), servers of a cell that is down (2.69)
)
HYPERVISORS = "2.87"  # never more: see argus.openstack.cloud
MIGRATIONS_SECONDS = 7 * 86400.0  # older ones that still hold something are leaks in any case
PAGE = 1000

PARTS = ("inventories", "allocations", "traits")
SHARES = "MISC_SHARES_VIA_AGGREGATE"


@dataclass(slots=True)
class _Seen:
    generation: int
    parts: dict[str, Any]


@dataclass(slots=True)
class Reader:
    """Reads one cloud again and again; remembers providers by generation.

    ``quotas`` reads each project's quota too: a call a project.
    """

    cloud: Cloud
    quotas: bool = True
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def read(self, now: float, progress: Callable[[int, int], None] | None = None) -> Documents:
        """Return all documents; what could not be read is named in ``missing`` and ``unread``."""
        documents = Documents()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="openstack") as pool:
            lists = {
                name: pool.submit(self.cloud.pages, service, path, key, version)
                for name, service, path, key, version in self._lists(now)
            }
            answers = {name: future.result() for name, future in lists.items()}
            for name, answer in answers.items():
                if answer.ok:
                    setattr(documents, name, answer.value)
                else:
                    documents.missing[name] = answer.detail
            self._providers(documents, pool.map, progress)
            self._sharing(documents, pool.map)
            if self.quotas:
                self._quotas(documents, pool.map)
        if documents.unread:
            documents.missing["placement"] = f"{len(documents.unread)} providers: " + next(
                iter(documents.unread.values())
            )
            documents.missing.setdefault("allocations", documents.missing["placement"])
        if documents.providers is None:
            documents.missing["allocations"] = documents.missing["providers"]
        return documents

    def _lists(self, now: float) -> Iterable[tuple[str, str, str, str, str]]:
        since = datetime.fromtimestamp(now - MIGRATIONS_SECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        nova = "compute"
        yield "providers", "placement", "/resource_providers", "resource_providers", PLACEMENT
        yield "hypervisors", nova, f"/os-hypervisors/detail?limit={PAGE}", "hypervisors", HYPERVISORS
        yield "services", nova, "/os-services?binary=nova-compute", "services", NOVA
        yield "aggregates", nova, "/os-aggregates", "aggregates", NOVA
        yield "flavors", nova, f"/flavors/detail?is_public=None&limit={PAGE}", "flavors", NOVA
        yield "servers", nova, f"/servers/detail?all_tenants=1&limit={PAGE}", "servers", NOVA
        yield "migrations", nova, f"/os-migrations?changes-since={since}", "migrations", NOVA
        yield "groups", nova, f"/os-server-groups?all_projects=True&limit={PAGE}", "server_groups", NOVA

    def _providers(
        self, documents: Documents, mapped: Callable[..., Any], progress: Callable[[int, int], None] | None
    ) -> None:
        rows = documents.providers or ()
        self._seen = {row["uuid"]: self._seen[row["uuid"]] for row in rows if row["uuid"] in self._seen}
        for done, (row, read) in enumerate(zip(rows, mapped(self._provider, rows), strict=True), 1):
            uuid = row["uuid"]
            if isinstance(read, Answer):
                documents.unread[uuid] = read.detail
            else:
                documents.inventories[uuid] = read["inventories"]
                documents.allocations[uuid] = read["allocations"]
                documents.traits[uuid] = read["traits"]
            if progress is not None and (done % 50 == 0 or done == len(rows)):
                progress(done, len(rows))

    def _provider(self, row: dict[str, Any]) -> dict[str, Any] | Answer:
        uuid, generation = row["uuid"], row["generation"]
        seen = self._seen.get(uuid)
        if seen is not None and seen.generation == generation:
            return seen.parts
        parts: dict[str, Any] = {}
        generations = set()
        for part in PARTS:
            answer = self.cloud.get("placement", f"/resource_providers/{uuid}/{part}", PLACEMENT)
            if not answer.ok:
                return answer
            if not isinstance(answer.value, dict) or part not in answer.value:
                return Answer("placement", part, None, Why.BROKEN, f"the answer has no {part}")
            parts[part] = answer.value[part]
            generations.add(answer.value.get("resource_provider_generation"))
        if generations == {generation}:  # nothing changed between the calls: worth remembering
            self._seen[uuid] = _Seen(generation, parts)
        return parts

    def _sharing(self, documents: Documents, mapped: Callable[..., Any]) -> None:
        """Ask whom providers share with: there are few of them, so two calls each."""
        sharing = [uuid for uuid, traits in documents.traits.items() if SHARES in traits]
        for uuid, answer in zip(sharing, mapped(self._members, sharing), strict=True):
            if answer.ok:
                documents.shared[uuid] = [
                    row.get("root_provider_uuid") or row["uuid"] for row in answer.value
                ]
            else:
                documents.unread[uuid] = f"with whom it shares: {answer.detail}"

    def _members(self, uuid: str) -> Answer:
        """Return the providers of its aggregates: a tree shares if any provider of it is in one."""
        answer = self.cloud.get("placement", f"/resource_providers/{uuid}/aggregates", PLACEMENT)
        if not answer.ok:
            return answer
        aggregates = answer.value.get("aggregates") if isinstance(answer.value, dict) else None
        if not isinstance(aggregates, list):
            return Answer("placement", "aggregates", None, Why.BROKEN, "the answer has no aggregates")
        if not aggregates:
            return Answer("placement", "aggregates", [])
        path = f"/resource_providers?member_of=in:{','.join(sorted(aggregates))}"
        return self.cloud.pages("placement", path, "resource_providers", PLACEMENT)

    def _quotas(self, documents: Documents, mapped: Callable[..., Any]) -> None:
        projects = self.cloud.pages("identity", "/projects", "projects")
        if not projects.ok:
            documents.missing["quotas"] = projects.detail
            return
        names = {row["id"]: row.get("name") or row["id"] for row in projects.value if row.get("enabled")}
        for uuid, answer in zip(names, mapped(self._quota, names), strict=True):
            row = answer.value.get("quota_set") if answer.ok and isinstance(answer.value, dict) else None
            if row is None:
                documents.missing["quotas"] = f"of project {names[uuid]}: {answer.detail or 'another shape'}"
            else:
                documents.quotas[names[uuid]] = row

    def _quota(self, project: str) -> Answer:
        return self.cloud.get("compute", f"/os-quota-sets/{project}/detail", NOVA)
