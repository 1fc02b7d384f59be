"""Swift: the proxy's ``/healthcheck``, ``/info``, and a list of containers as its user sees it.

What recon tells of storage nodes is behind the proxy on a network of its own: list those nodes as a check of
kind ``swift_recon``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.probes.openstack.api import rows
from argus.probes.outcome import Outcome, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("object-store",)


def look(api: Api) -> Outcome:
    """Ask the proxy, then for the account's containers."""
    latency, _ = api.root("/healthcheck", known=(200,))
    containers: Any = api.read("?format=json&limit=1")
    rows(containers)
    return Outcome(State.UP, "", latency)
