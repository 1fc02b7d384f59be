"""Whether Zabbix' proxies are there: behind one that is away, nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.blast import listed
from argus.correlator.facts import ZABBIX
from argus.correlator.rule import Family, Finding, Layer, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.correlator.facts import Facts
    from argus.correlator.thresholds import Policy, Thresholds


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that nodes report through.

    ``age``: seconds since Zabbix' server heard of it, ``None``: never.
    """

    name: str
    age: float | None
    stale_after: float
    nodes: tuple[str, ...]


def draw(facts: Facts, policy: Policy, now: float) -> Iterator[tuple[str, Proxy]]:
    """Yield the proxies that nodes report through; one that has none is no concern of ours."""
    for name, seen in facts.proxies:
        key = f"proxy:{name}"
        nodes = tuple(sorted(node.host for node in facts.nodes if key in node.within))
        if nodes:
            age = max(0.0, facts.read_at(now) - seen) if seen else None
            yield key, Proxy(name, age, policy.stale_after, nodes)


@rule(severity=Severity.HIGH, layer=Layer.SOURCE, hold=10.0, keep=30.0, explains=("node_does_not_report",))
def proxy_is_away(proxy: Proxy, _limit: Thresholds) -> Finding | None:
    """Argus is blind behind a Zabbix proxy.

    Zabbix' server has not heard of the proxy for longer than [correlator] stale_after. Nothing new is known
    about the nodes and guests behind it; they may well run. Their incidents are held as they are, and that
    the nodes do not report is a symptom of this. Agents keep their values and send them when it is back.

    What to do:
    1. On the proxy: systemctl status zabbix-proxy; tail /var/log/zabbix/zabbix_proxy.log. Is its disk full?
    2. Can it reach Zabbix' server (port 10051), and does its PSK or certificate still hold?
    3. If it stays away, give the agents a second one: [zabbix] servers in agent.conf takes several.
    """
    if proxy.age is not None and proxy.age <= proxy.stale_after:
        return None
    ago = "never" if proxy.age is None else f"{proxy.age:.0f} s ago"
    evidence = {"last seen by Zabbix": ago, "nodes behind it": f"{len(proxy.nodes)}: {listed(proxy.nodes)}"}
    return Finding(f"Zabbix proxy {proxy.name} is away: {len(proxy.nodes)} nodes cannot be seen", evidence)


FAMILY = Family("proxy", (ZABBIX,), draw, (proxy_is_away,))
