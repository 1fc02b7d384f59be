"""Glance: can images be listed.  Its ``/healthcheck`` says 200 without a database, so it is not asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.openstack.api import rows
from argus.probes.outcome import Outcome, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("image",)


def look(api: Api) -> Outcome:
    """Ask for one image."""
    latency, version = api.root()
    rows(api.read("/images?limit=1"), "images")
    return Outcome(State.UP, "", latency, version)
