"""Trove: its API.

Built against its documented document of versions; not run in the tests' lab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("database",)


def look(api: Api) -> Outcome:
    """Ask for the versions: all that can be asked without rights of an administrator."""
    latency, version = api.root()
    return Outcome(State.UP, "", latency, version)
