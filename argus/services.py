"""The job that probes services, and what the correlator, people and exporters see of a round."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus import user_check_source
from argus.correlator.service import IDENTITY, USED, USER_CHECK, Part, Service, Services, State
from argus.openstack.cloud import CloudConfigError
from argus.probes import budget
from argus.probes.openstack import NAMES
from argus.probes.openstack.regions import Regions
from argus.probes.outcome import Outcome
from argus.probes.plan import EVERYTHING, Plan
from argus.probes.rounds import GRACE_SECONDS, Rounds, Task
from argus.probes.target import Target
from argus.services_round import SOURCE
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from argus.store.engine import Store

MARGIN_SECONDS = 15.0
BY_QUEUE = ("nova", "neutron", "cinder", "heat", "ceilometer", "trove", "murano")
# What stands on a kind of check where services.yaml does not say it.
CARRIES: dict[str, tuple[str, ...]] = {
    "ceph": ("glance", "cinder", "nova"),
    "haproxy": (EVERYTHING,),
    "keepalived": (EVERYTHING,),
    "memcached": (EVERYTHING,),  # whoever checks a token asks it, and hangs with it
    "mysql": (EVERYTHING,),
    "rabbitmq": BY_QUEUE,
    "swift_recon": ("swift",),
}


@dataclass
class ServiceSource:
    """A source of facts that is read by a job of its own (see ``argus.sources.Slow``)."""

    plan: Plan
    store: Store
    interval: float
    clouds_file: str = ""
    clock: Callable[[], float] = time.time
    name: str = SOURCE
    rounds: Rounds = field(default_factory=Rounds)
    regions: dict[str, Regions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make what remembers each cloud's catalogue."""
        self.regions = {cloud.name: Regions(cloud, self.clouds_file) for cloud in self.plan.clouds}

    @property
    def seconds(self) -> float:
        """The longest that a round may take: a log-in, then all probes at the same time."""
        limits = [
            *(2 * cloud.timeout for cloud in self.plan.clouds),
            *(check.timeout for check in self.plan.checks),
        ]
        return max(limits) + GRACE_SECONDS + MARGIN_SECONDS

    @property
    def max_age(self) -> float:
        """After three rounds without an answer nothing is known any more."""
        return 3 * self.interval + self.seconds

    def fetch(self) -> dict[str, Any]:
        """Probe everything once."""
        with self.store.read() as session:
            row = snapshots.get(session, self.name)
            before = row.payload if row is not None and row.payload else {}
        begin = time.monotonic()
        outcomes = dict(self.rounds.run(self._tasks()))
        now = self.clock()
        outcomes.update(user_check_source.results(self.plan, self.store, now))
        known = {_target(each): each for each in before.get("services", ())}
        step = now - before.get("at", now)
        found = [
            self._entry(target, outcome, known.get(target, {}), step, now)
            for target, outcome in outcomes.items()
        ]
        return {"at": now, "seconds": time.monotonic() - begin, "services": sorted(found, key=_target)}

    def facts(self, payload: Any, at: float) -> Services:  # noqa: ARG002  # each state has its own time
        """Return what the core judges by."""
        return facts(payload, self.plan)

    def _tasks(self) -> list[Task]:
        """Log in to all clouds at the same time: one that does not answer must not delay the others."""
        made: list[Task] = [Task(each.target, each.probe.run, each.timeout) for each in self.plan.checks]
        found: dict[str, list[Task]] = {}

        def log_in(name: str, regions: Regions) -> None:
            try:
                found[name] = regions.tasks()
            except CloudConfigError as exc:
                found[name] = [_unreadable(regions, str(exc))]

        threads = [
            threading.Thread(target=log_in, args=each, daemon=True, name=f"log in to {each[0]}")
            for each in self.regions.items()
        ]
        for thread in threads:
            thread.start()
        end = time.monotonic() + max((2 * cloud.timeout for cloud in self.plan.clouds), default=0.0)
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        for name, regions in self.regions.items():
            made += found.get(name) or [_unreadable(regions, "logging in does not come to an end")]
        return made

    def _entry(
        self, target: Target, outcome: Outcome, old: Mapping[str, Any], step: float, now: float
    ) -> dict[str, Any]:
        same = old.get("state") == outcome.state.value
        share = self.plan.budget_of(target.name)
        ledger = budget.noted(old.get("ledger", {}), step, now, down=outcome.state is State.DOWN)
        parts_before = {(part[0], part[1]): part for part in old.get("parts", ())}
        return {
            **target._asdict(),
            "state": outcome.state.value,
            "since": old["since"] if same else now,
            "message": outcome.message,
            "trouble": outcome.trouble,
            "latency": outcome.latency,
            "version": outcome.version or old.get("version", ""),
            "figures": dict(outcome.figures),
            "parts": [_part(part, parts_before.get((part.kind, part.host)), now) for part in outcome.parts],
            "ledger": ledger,
            "spent": budget.spent(ledger, share),
            "burn": budget.burn(ledger, share),
        }


def _part(part: Any, old: Sequence[Any] | None, now: float) -> list[Any]:
    """kind, host, state, message, since, zone: half the size of an object, and there may be thousands."""
    kept = old[4] if old is not None and old[2] == part.state.value else now
    since = kept if part.since is None else part.since
    return [part.kind, part.host, part.state.value, part.message, since, part.zone]


def _target(entry: Mapping[str, Any]) -> Target:
    return Target(entry["cloud"], entry["region"], entry["name"], entry["kind"])


def _unreadable(regions: Regions, why: str) -> Task:
    target = Target(regions.wanted.name, "", IDENTITY, IDENTITY)
    return Task(target, lambda _deadline: Outcome(State.UNKNOWN, why), 1.0)


def carried(plan: Plan, cloud: str, region: str, service: str) -> list[str]:
    """Return the names of the checks that a service of a region stands on."""
    found = []
    for check in plan.checks:
        at = check.target
        if at.cloud != cloud or at.region not in {"", region} or at.name == service:
            continue
        carries = check.carries or CARRIES.get(at.kind, ())
        if service in carries or (EVERYTHING in carries and service in NAMES):
            found.append(str(at))
    return found


def facts(payload: Mapping[str, Any], plan: Plan) -> Services:
    """Make facts of a stored round."""
    entries = [(_target(each), each) for each in payload["services"]]
    names = {(target.cloud, target.region, target.name): str(target) for target, _ in entries}
    bases = {str(check.target) for check in plan.checks if check.carries or CARRIES.get(check.target.kind)}
    services, parts = [], []
    for target, each in entries:
        stands_on = carried(plan, target.cloud, target.region, target.name)
        stands_on += _used(target, names)
        services.append(
            Service(
                str(target), target.kind, State(each["state"]), each["message"], each["since"],
                str(target) in bases, each["trouble"], each["latency"], tuple(stands_on), each["spent"],
                each["burn"],
            )
        )  # fmt: skip
        for kind, host, state, message, since, _zone in each["parts"]:
            behind = _behind(kind, target, names) if target.kind == "haproxy" else []
            name = f"{target}/{kind}@{host}" if host else f"{target}/{kind}"
            on = (str(target), *behind, *stands_on)
            parts.append(Part(name, str(target), kind, host, State(state), message, since, on))
    return Services(tuple(services), tuple(parts))


def _used(target: Target, names: Mapping[tuple[str, str, str], str]) -> list[str]:
    """Return the services that one calls: Keystone of its region, or the one that regions share."""
    wanted = USED if target.kind == USER_CHECK else (IDENTITY,)
    found = [n for (cloud, at, name), n in names.items() if (cloud, at) == target[:2] and name in wanted]
    if (target.cloud, target.region, IDENTITY) not in names:
        found += [n for (cloud, _, name), n in names.items() if cloud == target.cloud and name == IDENTITY]
    return [name for name in found if name != str(target) and target.name != IDENTITY]


def _behind(backend: str, target: Target, names: Mapping[tuple[str, str, str], str]) -> list[str]:
    """Return the services that a balancer's backend is of, by its name: ``nova-api`` is Nova's."""
    words = set(backend.replace("_", "-").split("-"))
    return [
        name
        for (cloud, region, service), name in names.items()
        if cloud == target.cloud
        and target.region in {"", region}
        and service in words
        and name != str(target)
    ]
