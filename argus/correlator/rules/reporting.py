"""Whether a node tells us anything at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.blast import hit
from argus.correlator.rule import Finding, Layer, Node, rule

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds

NODATA_TRIGGER = "node_data_missing"  # Trigger.ident in the catalogue


@rule(severity=Severity.HIGH, layer=Layer.PRESENCE, hold=30.0, keep=30.0)
def node_does_not_report(node: Node, _limit: Thresholds) -> Finding | None:
    """The node does not report.

    Zabbix has had no value from the node's agent for longer than [correlator] stale_after. The node may be
    down, cut off from Zabbix, or only its argus-agent may have stopped; its guests may well be running.
    As long as this lasts nothing else is known about the node: its other incidents are held as they are.

    What to do:
    1. Ping the node and log in. If it is dead, this is a host failure: see what ran on it and evacuate.
    2. If it lives: systemctl status argus-agent; journalctl -u argus-agent -n 50.
    3. If the agent runs: can it reach the Zabbix server or proxy (port 10051)? Is the node's clock right
       (chronyc tracking)? Values from a wrong clock look old.
    """
    missing = [problem for problem in node.problems if problem.trigger_ident == NODATA_TRIGGER]
    # values that came after Zabbix' own trigger fired win over it: the trigger is about to recover. Those of
    # a clock that is ahead do not: they may have come before it.
    told = [problem for problem in missing if node.ahead or problem.clock >= node.values.newest]
    if node.age is not None and node.age <= node.stale_after and not told:
        return None
    ago = "never" if node.age is None else "from the future" if node.ahead else f"{node.age:.0f} s ago"
    evidence = {"newest value": ago, "allowed": f"{node.stale_after:.0f} s"}
    if missing:
        evidence["problem in Zabbix"] = missing[0].name
    summary = "has never sent a value" if node.age is None else f"no value for {node.age:.0f} s"
    if node.ahead:
        summary = "its clock is ahead, and Zabbix gets no new values"
    events = tuple(sorted({problem.eventid for problem in missing}))
    summary = f"{node.name} does not report: {summary}"
    return Finding(summary, {**evidence, **hit(node.guests)}, events=events)


RULES = (node_does_not_report,)
