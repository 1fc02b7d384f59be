"""Whether a guest serves anybody: problems that Zabbix' triggers found, as incidents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.rule import Finding, Guest, Layer, rule

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds

# Trigger.ident in the catalogue
BROKEN_TRIGGER = "guest_broken"
OFF_TRIGGER = "guest_not_running"
# An agent tells of all its guests' events within a second, and Zabbix needs another to make problems of them:
# by then those that failed together are there together, and their node's incident explains them.
TOGETHER = 2.0  # seconds
BY_THE_NODE = ("node_does_not_report", "many_guests_fail", "libvirtd_does_not_answer")


@rule(severity=Severity.HIGH, layer=Layer.LOAD, hold=TOGETHER, keep=30.0, symptom_of=BY_THE_NODE)
def guest_is_broken(guest: Guest, _limit: Thresholds) -> Finding | None:
    """A guest crashed or was paused by an error.

    QEMU died, the guest's kernel panicked, its watchdog fired, or storage returned an error and QEMU paused
    it. Nobody asked for this. Its node is well as far as is known: otherwise this would be listed there.

    What to do:
    1. The evidence names the state and its reason, the node and the project.
    2. On the node: /var/log/libvirt/qemu/DOMAIN.log, and dmesg for a QEMU that the kernel killed (OOM).
    3. Paused by an I/O error: mend the storage (full or lost volume) first, then virsh resume DOMAIN.
    4. Crashed: openstack server start UUID, and tell the project.
    """
    return _finding(guest, BROKEN_TRIGGER)


@rule(severity=Severity.AVERAGE, layer=Layer.LOAD, hold=5.0, keep=30.0, symptom_of=BY_THE_NODE)
def guest_is_not_running(guest: Guest, _limit: Thresholds) -> Finding | None:
    """A guest is not running.

    It is paused or off. Unless [correlator] guest_incidents = all, this is told only about guests that did
    not come back after a failure of their node.

    What to do:
    1. openstack server show UUID: does Nova want it to run (power_state, task_state)?
    2. After a node failure: resume_guests_state_on_host_boot in nova.conf, or start it by hand.
    3. If it may be off, set {$ARGUS.GUEST.STATE.CONTROL} to 0 on its host in Zabbix.
    """
    broken = _finding(guest, BROKEN_TRIGGER)  # says the same and more
    return None if broken else _finding(guest, OFF_TRIGGER)


def _finding(guest: Guest, ident: str) -> Finding | None:
    mine = [problem for problem in guest.problems if problem.trigger_ident == ident]
    if not mine:
        return None
    problem = min(mine, key=lambda each: (each.clock, each.eventid))
    where = guest.placement
    label = where.label if where else guest.uuid
    evidence = {"problem in Zabbix": problem.name, "UUID": guest.uuid}
    summary = f"{label}: {problem.name}"
    if where:
        evidence |= {"node": where.node, "project": where.project or "unknown"}
        summary = f"{label} on {where.node}: {problem.name}"
    events = tuple(sorted({each.eventid for each in mine}))
    return Finding(summary, evidence, problem.clock, label, where.node if where else "", events=events)


RULES = (guest_is_broken, guest_is_not_running)
