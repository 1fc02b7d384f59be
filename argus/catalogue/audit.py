"""The node and its guests against the tuning that was agreed on ([audit] profile of the agent)."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import AUDIT_CHECK, Graph, Macro, Metric, Severity, Subsystem, Trigger

_audit = partial(Metric, "audit", source="agent, as argus-agent audit")

DIFFERING = _audit(
    "differing",
    "Settings of the node and its guests that differ from the profile. argus-agent audit names each and the "
    "command that mends it.",
)
CHECKED = _audit(
    "checked",
    "Settings that were compared with the profile. Fewer than on other nodes: a file could not be read, or "
    "the profile is another one.",
)
BY_CHECK = _audit(
    "check_differing",
    "Settings of this kind that differ from the profile: argus-agent audit names the command that mends "
    "each.",
    entity=AUDIT_CHECK,
    shown=False,
)

SUBSYSTEM = Subsystem(
    "audit",
    "Audit of the tuning",
    (DIFFERING, CHECKED, BY_CHECK),
    triggers=(
        Trigger(
            "node_differs",
            "Node is not tuned as agreed",
            (DIFFERING,),
            "min(@1,30m)>{$ARGUS.NODE.AUDIT.DIFFERING.MAX}",
            Severity.WARNING,
            "performance",
            "Settings differ from the profile: often a new kernel, a reinstalled node, or a flavor without "
            "limits. argus-agent audit on the node names each, why it matters, and the command that mends "
            "it.",
            recovery="max(@1,10m)<={$ARGUS.NODE.AUDIT.DIFFERING.MAX}",
            event_name="Node is not tuned as agreed (over {$ARGUS.NODE.AUDIT.DIFFERING.MAX} settings for "
            "30m)",
            opdata="Settings: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(Macro("ARGUS.NODE.AUDIT.DIFFERING.MAX", "0", "Settings that may differ from the profile."),),
    graphs=(Graph("Audit", (DIFFERING, CHECKED)),),
)
