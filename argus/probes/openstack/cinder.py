"""Cinder: its API, services and pools.

Cinder checks for the role admin in its database layer, so that no policy file opens ``/os-services`` to a
role of less: without it the answer is 403, the API is judged by a list of volumes, and the parts are not
permitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.probes.openstack.api import rows, with_parts
from argus.probes.openstack.nova import services
from argus.probes.outcome import Outcome, State
from argus.probes.wire import DeniedError

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("block-storage", "volumev3", "block-store", "volume")
FULL = 0.9  # share of a pool that is used, above which new volumes soon find no place


def look(api: Api) -> Outcome:
    """Ask for volumes as a user does, then for services and pools."""
    latency, version = api.root()
    rows(api.read("/volumes?limit=1"), "volumes")
    try:
        parts = services(rows(api.read("/os-services"), "services"))
        full, figures = pools(rows(api.read("/scheduler-stats/get_pools?detail=true"), "pools"))
    except DeniedError as exc:
        return Outcome(State.DENIED, f"volumes can be listed; {exc}", latency, version)
    return with_parts(latency, version, parts, full, **figures)


def pools(found: list[dict[str, Any]]) -> tuple[str, dict[str, float]]:
    """Return which pools are nearly full, and the sums in bytes of those that say how large they are.

    ``free_capacity_gb`` may be the words ``infinite`` or ``unknown``: such a pool is not full.
    """
    full, total_sum, free_sum = [], 0.0, 0.0
    for pool in found:
        can = pool.get("capabilities") or {}
        total, free = gigabytes(can.get("total_capacity_gb")), gigabytes(can.get("free_capacity_gb"))
        if total is None or free is None or total <= 0:
            continue
        total_sum, free_sum = total_sum + total, free_sum + free
        if 1 - free / total > FULL:
            full.append(f"pool {pool.get('name', '?')} is {1 - free / total:.0%} full")
    figures = {"pools": float(len(found))}
    if total_sum:
        figures |= {"pool_bytes": total_sum * 2**30, "pool_free_bytes": free_sum * 2**30}
    return "; ".join(full), figures


def gigabytes(value: Any) -> float | None:
    """Return a finite number; ``None`` for ``infinite``, ``unknown`` and whatever else drivers say."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None
