"""Whether Zabbix reports something on a known host: rules about single triggers, and one for all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.catalogue.model import Severity
from argus.correlator.facts import ZABBIX
from argus.correlator.reported import HUNG, OWN, TWICE, TWO_AGENTS, Report, draw
from argus.correlator.rule import Family, Finding, Layer, rule

if TYPE_CHECKING:
    from argus.correlator.thresholds import Thresholds

BY_THE_NODE = ("node_does_not_report", "libvirtd_does_not_answer", "many_guests_fail")


@rule(severity=Severity.HIGH, layer=Layer.SERVICE, hold=0.0, keep=30.0, symptom_of=BY_THE_NODE)
def qemu_does_not_answer(report: Report, _limit: Thresholds) -> Finding | None:
    """QEMU of a guest does not answer.

    libvirtd of the node answers, but the monitor of this guest's QEMU has not for a minute. The guest can be
    neither stopped nor migrated, most of its values are missing, and it most probably stands still. Its
    neighbours are well as far as is known.

    What to do:
    1. On the node: pgrep -af UUID, then ps -o stat,wchan -p PID. T: somebody stopped it; kill -CONT PID lets
       it go on. D: it waits for storage: ceph -s, multipath -ll, dmesg, and the volumes of the guest.
    2. Another client may hold the monitor: virsh domcontrol DOMAIN says which job is busy and for how long.
    3. If storage is back and it still hangs: take a core (gcore PID), then virsh destroy and start the guest.
    """
    return report.finding() if report.ident == HUNG else None


@rule(severity=Severity.HIGH, layer=Layer.SERVICE, hold=0.0, keep=60.0)
def guest_runs_on_two_nodes(report: Report, _limit: Thresholds) -> Finding | None:
    """Two nodes run the same guest.

    Both report it in turn. Two QEMUs that write to one disk destroy its file systems within minutes; it
    happens after an evacuation from a node that was alive, or when a guest was started by hand.

    What to do:
    1. Now: openstack server show UUID names the node that Nova means; on the other one virsh destroy DOMAIN.
    2. Keep that domain from starting again there: virsh undefine DOMAIN (not its disks).
    3. Check the guest's file systems before anybody relies on them; restore if they are damaged.
    4. How did it come to this? Evacuate only nodes that are fenced (power off first).
    """
    if report.ident != TWICE:
        return None
    nodes = " and ".join(sorted(report.nodes))
    words = f"{report.label} runs on {nodes} at once" if len(report.nodes) > 1 else ""
    return report.finding(words, {"nodes": nodes, "UUID": report.host} if words else {"UUID": report.host})


@rule(severity=Severity.HIGH, layer=Layer.SERVICE, hold=0.0, keep=60.0)
def two_agents_of_one_name(report: Report, _limit: Thresholds) -> Finding | None:
    """Two agents report under the name of one node.

    Their values are mixed: guests seem to move to and fro, capacity counts nonsense, and when one of the two
    machines dies nobody notices, since the other one reports in its name.

    What to do:
    1. The item Agent: identity of the node has both, as boot/process: /proc/sys/kernel/random/boot_id of a
       machine begins with the first part, systemctl status argus-agent shows the second.
    2. A cloned image or a host name that was given twice: name one anew, or set [DEFAULT] host in agent.conf.
    3. An agent in a container beside the host's own: stop one.
    """
    if report.ident != TWO_AGENTS:
        return None
    return report.finding(f"two agents report as {report.label}")


@rule(
    severity=Severity.HIGH,
    layer=Layer.LOAD,
    hold=10.0,
    keep=30.0,
    symptom_of=(
        "node_does_not_report",
        "place_is_silent",
        "libvirtd_does_not_answer",
        "infrastructure_is_down",
        "service_is_down",
        "many_guests_fail",
        "overcommit_hurts_guests",
        "memory_overcommit_hurts_guests",
    ),
)
def zabbix_reports_a_problem(report: Report, _limit: Thresholds) -> Finding | None:
    """Zabbix reports a problem.

    A trigger that has no rule of its own fired on a node, a guest, a service, the correlator, or a host of
    another name or template that is one of them. Severity and tags that count are [correlator]
    problem_severity, problem_tags and problem_tags_excluded; docs/triggers.md lists for each trigger of Argus
    what becomes of it. Acknowledging goes along, in both directions.

    What to do:
    1. The evidence has the problem's name; the trigger's description in Zabbix says what it means.
    2. Monitoring -> Problems, filtered by the host: what else began at that time?
    3. It should not page: set the trigger's threshold (a macro on the host), or exclude one of its tags.
    """
    return report.finding() if report.problems and report.ident not in OWN else None


def _fault(report: Report) -> str:
    return report.fault


RULES = (qemu_does_not_answer, guest_runs_on_two_nodes, two_agents_of_one_name, zabbix_reports_a_problem)
FAMILY = Family("problem", (ZABBIX,), draw, RULES, many=True, group_of=_fault, draws_all=False)
