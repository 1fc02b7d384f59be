"""Gnocchi: its API, and how far it is behind with measures (``GET /v1/status``).

Built against the documented answer (https://gnocchi.osci.io/rest.html, "Status"); not run in the tests' lab.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.probes.outcome import Outcome, State

if TYPE_CHECKING:
    from argus.probes.openstack.api import Api

TYPES = ("metric",)
BEHIND = 10000  # measures that wait: workers do not keep up


def look(api: Api) -> Outcome:
    """Ask how many measures wait to be processed."""
    latency, version = api.root()
    return judge(api.read("/v1/status"), latency, version)


def judge(status: Any, latency: float, version: str) -> Outcome:
    """Judge by how many measures wait; an answer that does not say is no trouble."""
    summary = ((status.get("storage") or {}).get("summary") or {}) if isinstance(status, dict) else {}
    waiting = summary.get("measures")
    if not isinstance(waiting, int):
        return Outcome(State.UP, "", latency, version)
    figures = {"measures_waiting": float(waiting)}
    trouble = f"{waiting} measures wait to be processed" if waiting > BEHIND else ""
    state = State.DEGRADED if trouble else State.UP
    return Outcome(state, trouble, latency, version, trouble=trouble, figures=figures)
