"""Keystone: does it give a token, as every user needs first, and does it read its own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, State, one_line
from argus.probes.wire import ProbeError

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("identity",)


def look(api: Api) -> Outcome:
    """A token is asked for before every round (see ``regions``); without one nothing works for anybody."""
    latency, version = api.root("/v3")
    if api.token:
        raise ProbeError(one_line(api.token))
    return Outcome(State.UP, "", latency, version)
