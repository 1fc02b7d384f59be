"""Whether the cloud's services work, and whose fault it is when they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from argus.catalogue import allocation
from argus.catalogue.model import Severity
from argus.correlator.rule import Family, Finding, Layer, Outcome, Unknown, rule
from argus.correlator.service import IDENTITY, USER_CHECK, Part, Service, Services, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.correlator.facts import Facts, NodeValues
    from argus.correlator.thresholds import Policy, Thresholds

SOURCES = ("services",)


def services(facts: Facts, _policy: Policy, _now: float) -> Iterator[tuple[str, Service]]:
    """Yield every service of the newest round."""
    for told in facts.told(Services):
        for service in told.services:
            yield service.name, service


def parts(facts: Facts, policy: Policy, now: float) -> Iterator[tuple[str, Part]]:
    """Yield every part, with what is known of the node that it is on."""
    nodes = {node.host: node for node in facts.nodes}
    for told in facts.told(Services):
        for part in told.parts:
            yield part.name, _on_node(part, nodes.get(part.host), policy.stale_after, facts.read_at(now))


def _on_node(part: Part, node: NodeValues | None, stale_after: float, now: float) -> Part:
    if node is None:
        return part
    guests = node.number(allocation.GUESTS.field)
    age = node.age(now)
    fresh = age is not None and age <= stale_after
    return replace(part, reports=fresh, guests=int(guests) if guests is not None and fresh else None)


def _down(service: Service, *, mine: bool) -> Outcome:
    if not mine:
        return None
    if service.state is State.UNKNOWN:
        return Unknown(service.message or "the probe cannot tell")
    if service.state is not State.DOWN:
        return None
    evidence = {"a user sees": service.message or "no answer", "service": service.name}
    if service.stands_on:
        evidence["stands on"] = ", ".join(service.stands_on)
    return Finding(
        f"{service.name} is down: {service.message}".rstrip(": "),
        evidence,
        service.since,
        label=service.name,
        within=service.stands_on,
    )


@rule(
    severity=Severity.HIGH,
    layer=Layer.SERVICE,
    hold=10.0,
    keep=30.0,
    explains=(
        "identity_is_down",
        "service_is_down",
        "part_is_down",
        "service_is_degraded",
        "service_cannot_be_judged",
    ),
)
def infrastructure_is_down(service: Service, _limit: Thresholds) -> Outcome:
    """What services stand on is down: database, message queue, cache, balancer or storage.

    The services on top of it fail with it, each in its own words, and are listed here rather than told.
    Without RabbitMQ all computes and agents are reported down after a while though they run, and Cinder's
    API hangs; without the database all APIs answer 500 and 503, while their /healthcheck says 200. Guests go
    on running.

    What to do:
    1. The evidence names what its user sees. Log in where it runs: is the process there, is its disk full?
    2. RabbitMQ: rabbitmq-diagnostics status and alarms; an alarm of memory or disk blocks all publishers.
    3. Database: its error log; Galera without a quorum answers, and refuses everything.
    4. Do not restart the services on top of it: they come back by themselves.
    """
    return _down(service, mine=service.base)


@rule(
    severity=Severity.HIGH,
    layer=Layer.SERVICE,
    hold=10.0,
    keep=30.0,
    explains=("service_is_down", "part_is_down", "service_cannot_be_judged"),
)
def identity_is_down(service: Service, _limit: Thresholds) -> Outcome:
    """Keystone gives no token.

    Nobody can log in, and no service can check who asks: the whole API of the region is out. Nothing is
    known of other services meanwhile. Guests go on running.

    What to do:
    1. The evidence says how Keystone answers. 500: its database, or its keys in /etc/keystone/fernet-keys.
    2. 401: the password in clouds.yaml, or the user of Argus, was changed.
    3. No answer: is its web server there, and the balancer in front of it?
    """
    return _down(service, mine=service.kind == IDENTITY and not service.base)


@rule(
    severity=Severity.HIGH,
    layer=Layer.SERVICE,
    hold=20.0,
    keep=30.0,
    explains=("part_is_down",),
)
def service_is_down(service: Service, _limit: Thresholds) -> Outcome:
    """A service of the cloud is down for its users.

    Its API does not answer, or answers with an error; or it answers, and none of the processes that do the
    work is left. What it stands on is well as far as is known: otherwise this would be listed there.

    What to do:
    1. The evidence shows what a user sees. argus services lists its parts.
    2. Look at the log of its API, and at those of its workers where none is up.
    3. journalctl -u on the hosts named; was it deployed or configured just now?
    """
    return _down(service, mine=not service.base and service.kind not in {IDENTITY, USER_CHECK})


@rule(
    severity=Severity.HIGH,
    layer=Layer.SERVICE,
    hold=60.0,
    keep=0.0,
    symptom_of=("infrastructure_is_down", "identity_is_down", "service_is_down"),
)
def user_check_fails(service: Service, _limit: Thresholds) -> Outcome:
    """A user of the cloud does not get a server.

    The user's-eye check (log in, list images, boot, address, volume, attach, delete) fails at the step that
    the evidence names, in the words that a user sees. Every API may well answer: what fails is what they do
    together. Where a service or what it stands on is down as well, this is listed there.

    What to do:
    1. "No valid host": argus capacity, and the scheduler's log; disabled or full hosts, image properties.
    2. The server stays in BUILD: nova-compute's log on the host of the server; RabbitMQ.
    3. No address: the DHCP and L2 agents, and the free addresses of the network.
    4. The volume: cinder-scheduler and cinder-volume; attaching: os-brick on the compute.
    """
    return _down(service, mine=service.kind == USER_CHECK)


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=60.0, keep=60.0, symptom_of=("service_is_down",))
def service_is_degraded(service: Service, _limit: Thresholds) -> Outcome:
    """A service works, and something is about to break.

    A queue grows, a pool or a cluster is nearly full, a certificate ends soon, a clock is off, a member
    lags. What concerns one process of it is an incident of that process.

    What to do:
    1. The evidence says what it is.
    2. A queue that grows has no consumer, or a slow one: rabbitmqctl list_queues name messages consumers.
    """
    if service.state is State.UNKNOWN:
        return Unknown(service.message)
    if service.state is State.DOWN or not service.trouble:
        return None
    return Finding(
        f"{service.name}: {service.trouble}",
        {"trouble": service.trouble},
        service.since,
        label=service.name,
        within=service.stands_on,
    )


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=300.0, keep=30.0)
def service_cannot_be_judged(service: Service, _limit: Thresholds) -> Outcome:
    """Argus cannot tell whether a service works.

    It answers and refuses to tell, since the role of Argus' user may not read it; or the probe itself has a
    trouble: a password file that cannot be read, an answer of another shape. It is no outage and no
    all-clear.

    What to do:
    1. Not permitted: install the policy files of etc/openstack, and give the user the role
       (docs/openstack.md).
    2. Otherwise the evidence names the file or the answer; argus check-config reads services.yaml.
    """
    if service.state not in {State.UNKNOWN, State.DENIED}:
        return None
    return Finding(
        f"{service.name}: {service.state.value}: {service.message}",
        {"reason": service.message},
        service.since,
        label=service.name,
        within=service.stands_on,
        severity=Severity.INFO if service.state is State.DENIED else None,  # a choice of roles, not a failure
    )


@rule(severity=Severity.WARNING, layer=Layer.LOAD, hold=0.0, keep=3600.0)
def error_budget_burns(service: Service, limit: Thresholds) -> Outcome:
    """The error budget of a service burns too fast, by outages that each were short.

    In the last six hours it was down for so long that the month's budget will not last. No single outage may
    have been worth a page; together they break what was agreed (availability in services.yaml).

    What to do:
    1. argus incidents --all shows its outages: same hour, same host, same cause?
    2. Stop changes to the service until the budget recovers.
    """
    if service.burn is None or service.spent is None or service.state is State.DOWN:
        return None
    if service.burn < limit.budget_burn_max or service.spent < limit.budget_spent_min_ratio:
        return None
    return Finding(
        f"{service.name}: {service.spent:.0%} of the month's error budget is spent",
        {"burn": f"{service.burn:.1f} times too fast", "spent": f"{service.spent:.0%}"},
        label=service.name,
    )


@rule(
    severity=Severity.AVERAGE,
    layer=Layer.SERVICE,
    hold=20.0,
    keep=30.0,
    symptom_of=("node_does_not_report",),
)
def part_is_down(part: Part, _limit: Thresholds) -> Outcome:
    """A process of a service is down on one host.

    A compute service, an agent, a volume service, a member of a cluster or a server behind the balancer does
    not report or answer; others of its kind do. A compute or agent that is down does not touch running
    guests: it is the control plane of that host that is gone, as long as the node itself reports.

    What to do:
    1. On the host: systemctl status, and the log of the process. A process that hangs reports nothing either.
    2. nova-compute: no guest there can be started, stopped or migrated. Do not evacuate while the node
       reports:
       guests would run twice.
    3. If the host is meant to be off: openstack compute service set --disable, and it is not told.
    """
    if part.state is State.UNKNOWN:
        return Unknown(part.message)
    if part.state is not State.DOWN:
        return None
    evidence = {"service": part.service, "says": part.message or "down"}
    summary = f"{part.kind} on {part.host} is down" if part.host else f"{part.kind} is down"
    if part.message:
        summary += f": {part.message}"
    if part.reports:
        evidence["node"] = "reports, so the host is not down"
        if part.guests:
            evidence["guests"] = f"{part.guests} run on"
            summary += f" (the host is up, {part.guests} guests run on)"
    # Not from ``part.since`` on, when it was last heard of: that is minutes ago when it is called down, and
    # it would be told before the service of which it was the last one.
    return Finding(
        summary,
        evidence,
        label=f"{part.kind}@{part.host}" if part.host else part.kind,
        place=part.host if part.reports is not None else "",
        within=part.stands_on,
    )


SERVICE_FAMILY = Family(
    "service",
    SOURCES,
    services,
    (
        infrastructure_is_down,
        identity_is_down,
        service_is_down,
        user_check_fails,
        service_is_degraded,
        service_cannot_be_judged,
        error_budget_burns,
    ),
)


def kin(part: Part) -> str:
    """Return what a part belongs together with: those of its kind in its region."""
    return f"{part.service.rpartition('/')[0]} {part.kind}"


PART_FAMILY = Family("service part", SOURCES, parts, (part_is_down,), many=True, group_of=kin)
FAMILIES = (SERVICE_FAMILY, PART_FAMILY)
