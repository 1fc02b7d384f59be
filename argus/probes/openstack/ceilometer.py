"""Ceilometer: its API was removed in Ocata; a catalogue that still names it has a service to ask.

Built against its documented document of versions (https://docs.openstack.org/panko/ocata/webapi/, which took
it over); not run in the tests' lab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = (
    "metering",
    "telemetry",
)


def look(api: Api) -> Outcome:
    """Ask for the versions: all that can be asked without rights of an administrator."""
    latency, version = api.root()
    api.need_token()
    return Outcome(State.UP, "", latency, version)
