"""Whether a node's clock is right, by the times that its values bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.facts import ZABBIX
from argus.correlator.rule import Family, Finding, Layer, Outcome, Unknown, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.correlator.facts import Facts
    from argus.correlator.thresholds import Policy, Thresholds


@dataclass(frozen=True, slots=True)
class NodeClock:
    """How far a node's clock is ahead of ours, in seconds; behind is negative.  ``silent``: not heard now."""

    node: str
    ahead: float
    silent: bool
    within: tuple[str, ...] = ()


def draw(facts: Facts, policy: Policy, now: float) -> Iterator[tuple[str, NodeClock]]:
    """Yield every node that has ever reported."""
    read_at = facts.read_at(now)
    for node in facts.nodes:
        age = node.age(read_at)
        if age is not None:
            silent = age > policy.stale_after
            ahead = 0.0 if node.heard is None else node.at - node.heard
            yield f"clock:{node.host}", NodeClock(node.host, ahead, silent, node.within)


@rule(severity=Severity.HIGH, layer=Layer.LOAD, hold=30.0, keep=60.0)
def node_clock_is_off(clock: NodeClock, limit: Thresholds) -> Outcome:
    """The clock of a node is off.

    The values of the node bear times that are ahead of, or behind, this host's clock. TLS, tokens of
    Keystone, Ceph and live migration fail by that, logs do not fit together, and Zabbix shows its values in
    the wrong place until the time is right again. If many nodes are off by the same, it is this host's clock.

    What to do:
    1. On the node: date -u; chronyc tracking; chronyc sources -v. No source in reach? Firewall, DNS.
    2. timedatectl: is time synchronisation on? After a repair of the board, is the hardware clock right?
    3. chronyc makestep sets it at once; guests that run keep their own clocks.
    4. After a clock that was ahead, graphs in Zabbix show the old values of the future until time is there.
    """
    if clock.silent:
        return Unknown("the node does not report")
    if abs(clock.ahead) <= limit.clock_offset_max_seconds:
        return None
    words = "ahead" if clock.ahead > 0 else "behind"
    offset = f"{abs(clock.ahead):.0f} s {words}"
    return Finding(
        f"the clock of {clock.node} is {offset}",
        {"clock": offset, "allowed": f"{limit.clock_offset_max_seconds:.0f} s"},
        label=clock.node,
        place=clock.node,
        within=clock.within,
    )


FAMILY = Family("clock", (ZABBIX,), draw, (node_clock_is_off,), many=True)
