"""Whether a node is suspect: many of its guests fail at a time, before the node itself is known to be ill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.blast import hit
from argus.correlator.rule import Finding, Layer, Node, rule

if TYPE_CHECKING:
    from argus.correlator.rule import Failure
    from argus.correlator.thresholds import Thresholds

TOGETHER_SECONDS = 90.0


@rule(
    severity=Severity.HIGH,
    layer=Layer.LOAD,
    hold=5.0,
    keep=30.0,
    symptom_of=("libvirtd_does_not_answer",),  # while that hangs, this cannot be judged, nor told
    gathers=True,
)
def many_guests_fail(node: Node, limit: Thresholds) -> Finding | None:
    """Many guests of the node fail at the same time.

    One cause is more likely than as many accidents: the node's storage or memory, a QEMU update, or the node
    is dying. If it stops reporting later, that belongs to this incident and is not told again.

    What to do:
    1. Log in to the node: dmesg (I/O errors, OOM killer, machine checks), df, multipath -ll, ceph -s.
    2. Do the failing guests share a volume backend or a network? Look at the reasons in the evidence.
    3. Disable the compute service, so that no guest is scheduled there, before you repair and start guests.
    """
    together = _largest_burst(sorted(node.failing, key=lambda failure: failure.problem.clock))
    if not together or len(together) < max(
        limit.guests_failing_min, limit.guests_failing_min_ratio * len(node.guests)
    ):
        return None
    evidence = {
        **hit(failure.placement for failure in together),
        "guests on the node": str(len(node.guests)),
        "reasons in Zabbix": "; ".join(sorted({failure.problem.name for failure in together})),
    }
    summary = f"{len(together)} of {len(node.guests)} guests on {node.name} fail"
    return Finding(summary, evidence, together[0].problem.clock)


def _largest_burst(failures: list[Failure]) -> list[Failure]:
    """Return the most failures that began within ``TOGETHER_SECONDS``; ``failures`` are in order of time."""
    best: list[Failure] = []
    start = 0
    for end, last in enumerate(failures):
        while last.problem.clock - failures[start].problem.clock > TOGETHER_SECONDS:
            start += 1
        if end + 1 - start > len(best):
            best = failures[start : end + 1]
    return best


RULES = (many_guests_fail,)
