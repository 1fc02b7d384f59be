"""Trove: its API.

Built against the versions that its source names (trove/versions.py); not run in the tests' lab.
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
    api.need_token()
    return Outcome(State.UP, "", latency, version)
