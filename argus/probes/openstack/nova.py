"""Nova: its API, services, cells and hypervisors.

``GET /os-services`` (2.53 and later have UUIDs), ``GET /os-hypervisors`` at 2.87: from 2.88 on the list asks
every compute by RPC, and blocks for a minute while one of them dies.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from argus.probes.openstack.api import rows, with_parts
from argus.probes.outcome import Outcome, Part, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("compute",)


def look(api: Api) -> Outcome:
    """Ask for services and hypervisors."""
    latency, version = api.root()
    parts = services(rows(api.read("/os-services", "services", "2.69")))
    hypervisors = rows(api.read("/os-hypervisors", "hypervisors", "2.87"))
    up = [each for each in hypervisors if each.get("state") == "up"]
    computes = sum(part.kind == "nova-compute" for part in parts)
    trouble = ""
    if len(hypervisors) < computes:
        trouble = f"{len(hypervisors)} hypervisors of {computes} nova-compute: is a host in no cell?"
    return with_parts(
        latency,
        version,
        parts,
        trouble,
        hypervisors=float(len(hypervisors)),
        hypervisors_up=float(len(up)),
    )


def services(found: list[dict[str, Any]]) -> list[Part]:
    """Make parts of rows of ``os-services`` of Nova and Cinder.

    A cell that does not answer gives rows of state ``UNKNOWN`` without a name (from 2.69 on).
    """
    return [_service(row) for row in found]


def _service(row: dict[str, Any]) -> Part:
    kind, host = str(row.get("binary", "service")), str(row.get("host", "?"))
    zone = str(row.get("zone") or "")
    heard = moment(row.get("updated_at"))
    state = str(row.get("state") or row.get("status") or "").lower()
    if row.get("status") == "disabled":
        reason = str(row.get("disabled_reason") or "no reason given")
        return Part(
            kind, host, State.DISABLED, f"{reason}{'; it is down' if state == 'down' else ''}", None, zone
        )
    if row.get("forced_down") is True:
        return Part(kind, host, State.DOWN, "forced down", heard, zone)
    if state == "down":
        return Part(kind, host, State.DOWN, "does not report", heard, zone)
    if state == "up":
        return Part(kind, host, State.UP, zone=zone)
    return Part(kind, host, State.UNKNOWN, "its cell does not answer", None, zone)


def moment(text: Any) -> float | None:
    """Read a time as OpenStack writes it (UTC, with or without T and Z); ``None`` for anything else."""
    try:
        read = datetime.fromisoformat(str(text).replace(" ", "T"))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
