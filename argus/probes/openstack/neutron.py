"""Neutron: its API and the agents, ``GET /v2.0/agents``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.probes.openstack.api import rows, with_parts
from argus.probes.openstack.nova import moment
from argus.probes.outcome import Outcome, Part, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("network",)
FIELDS = "&".join(
    f"fields={name}"
    for name in ("binary", "host", "alive", "admin_state_up", "heartbeat_timestamp", "availability_zone")
)


def look(api: Api) -> Outcome:
    """Ask for the agents: only the fields that matter, since an agent's configuration is long."""
    latency, version = api.root()
    return with_parts(latency, version, agents(rows(api.read(f"/agents?{FIELDS}", "agents"))))


def agents(found: list[dict[str, Any]]) -> list[Part]:
    """Make parts of agents; one that was set down by an administrator is disabled."""
    return [_agent(row) for row in found]


def _agent(row: dict[str, Any]) -> Part:
    kind, host = str(row.get("binary", "agent")), str(row.get("host", "?"))
    zone = str(row.get("availability_zone") or "")
    if row.get("admin_state_up") is False:
        return Part(kind, host, State.DISABLED, "admin state is down", None, zone)
    if row.get("alive") is False:
        return Part(kind, host, State.DOWN, "does not report", moment(row.get("heartbeat_timestamp")), zone)
    if row.get("alive") is True:
        return Part(kind, host, State.UP, zone=zone)
    return Part(kind, host, State.UNKNOWN, "the answer does not say whether it is alive", None, zone)
