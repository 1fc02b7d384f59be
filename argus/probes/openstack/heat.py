"""Heat: its API and engines, ``GET /v1/PROJECT/services``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.openstack.api import rows, with_parts
from argus.probes.openstack.nova import moment
from argus.probes.outcome import Outcome, Part, State
from argus.probes.wire import DeniedError

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("orchestration",)


def look(api: Api) -> Outcome:
    """Ask for stacks as a user does, then for the engines; those that report are merged by host."""
    latency, version = api.root()
    rows(api.read("/stacks?limit=1"), "stacks")
    try:
        found = rows(api.read("/services"), "services")
    except DeniedError as exc:
        return Outcome(State.DENIED, f"stacks can be listed; {exc}", latency, version)
    hosts: dict[str, Part] = {}
    for row in found:  # an engine that was started anew leaves its old row behind, for ever down
        host, up = str(row.get("host", "?")), row.get("status") == "up"
        part = (
            Part("heat-engine", host, State.UP)
            if up
            else Part("heat-engine", host, State.DOWN, "does not report", moment(row.get("updated_at")))
        )
        if up or host not in hosts:
            hosts[host] = part
    return with_parts(latency, version, list(hosts.values()))
