"""Whether many subjects have the same fault: then one incident speaks for all of them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.blast import listed
from argus.correlator.rule import Finding, Layer, Scope, rule
from argus.correlator.severities import severer

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds


@rule(severity=Severity.HIGH, layer=Layer.SOURCE, hold=0.0, keep=30.0, gathers=True)
def same_fault_on_many(scope: Scope, limit: Thresholds) -> Finding | None:
    """The same fault on many at once.

    They most probably have one cause in common: a switch, a rack's power, shared storage, a Zabbix proxy, or
    a change that was rolled out everywhere. It speaks for those that failed within ten minutes of each other
    and belong together (one region, one kind of service), and is as severe as the worst of them. Their
    incidents are kept (argus incidents --all), and are told by themselves only if they outlive this one.
    When it grows, that is told as news of it; what fails later is told by itself.

    What to do:
    1. What do the named ones share? Compare rack, switch, availability zone and Zabbix proxy.
    2. What was changed in the minutes before? Packages, firewall, configuration management, certificates.
    3. The rule's own runbook, in docs/runbooks.md, says what to look at on one of them.
    """
    if not scope.members or len(scope.members) < max(limit.scope_min, limit.scope_min_ratio * scope.fleet):
        return None
    names = sorted({member.label for member in scope.members})
    first = scope.title[0].lower() + scope.title[1:]
    evidence = {"on": listed(names)}
    if scope.group:
        evidence["group"] = scope.group
    if scope.fleet:
        evidence["out of"] = str(scope.fleet)
    return Finding(
        f"{len(scope.members)} at once: {first}" + (f" ({scope.group})" if scope.group else ""),
        evidence,
        min(member.since for member in scope.members),
        within=scope.within,
        severity=reduce(severer, (member.severity for member in scope.members)),
        group=scope.group,
    )


RULES = (same_fault_on_many,)
