"""Placement: does it read its tables.  The scheduler places nothing without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.openstack.api import rows
from argus.probes.outcome import Outcome, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("placement",)


def look(api: Api) -> Outcome:
    """Ask for resource providers: every host of the cloud is one."""
    latency, version = api.root()
    providers = rows(api.read("/resource_providers"), "resource_providers")
    return Outcome(State.UP, "", latency, version, figures={"resource_providers": float(len(providers))})
