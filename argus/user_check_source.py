"""The job of the user's-eye check: one run in a while, its newest result being part of each round."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.correlator.service import USER_CHECK, Services, State
from argus.openstack.tenant import open_tenant
from argus.probes.outcome import Outcome
from argus.probes.target import Target
from argus.probes.user_check import Run
from argus.sources import refresh
from argus.store import snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from argus.probes.plan import Plan
    from argus.probes.user_check import UserCheck
    from argus.site import Site
    from argus.store.engine import Store

log = logging.getLogger(__name__)

MARGIN_SECONDS = 60.0


@dataclass(frozen=True)
class UserCheckSource:
    """A source of its own, since a run takes minutes (see ``argus.sources.Slow``)."""

    of: str  # the cloud of services.yaml that it is shown under
    check: UserCheck
    clouds_file: str = ""
    clock: Callable[[], float] = time.time
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Make the name: it is the snapshot's for ever."""
        object.__setattr__(self, "name", source_name(self.target))

    @property
    def target(self) -> Target:
        """What its result is shown as."""
        return Target(self.of, self.check.region, USER_CHECK, USER_CHECK)

    @property
    def seconds(self) -> float:
        """Logging in and tidying up, the steps, and deleting have ``timeout`` each, and a call under way."""
        return 4 * (self.check.timeout + self.check.call_timeout) + MARGIN_SECONDS

    @property
    def max_age(self) -> float:
        """After three times without a result its silence is a trouble."""
        return 3 * self.check.every + self.seconds

    def fetch(self) -> dict[str, Any]:
        """Run it once.  Raises ``CloudConfigError`` for what clouds.yaml lacks."""
        tenant = open_tenant(self.check, self.clouds_file)
        try:
            found = Run(tenant, self.check, time.monotonic, self.clock, time.sleep).run()
        finally:
            tenant.close()
        log.info("%s: %s %s", self.name, found.state.value, found.message)
        return {
            "state": found.state.value,
            "message": found.message,
            "trouble": found.trouble,
            "figures": dict(found.figures),
        }

    def facts(self, payload: Any, at: float) -> Services:  # noqa: ARG002  # the probes' round has its result
        """Return nothing of its own."""
        return Services((), ())


def source_name(target: Target) -> str:
    """Return the name of the snapshot that has the newest result."""
    return f"{USER_CHECK}:{target.cloud}/{target.region}"


def sources(plan: Plan, clouds_file: str) -> tuple[UserCheckSource, ...]:
    """Make a source for each cloud that asks for the check."""
    return tuple(
        UserCheckSource(cloud.name, cloud.user_check, clouds_file)
        for cloud in plan.clouds
        if cloud.user_check is not None
    )


def run_due(site: Site) -> bool:
    """Run the checks that are due; whether any ran.  What failed is not tried again sooner."""
    mine = [slow for slow in site.slow if isinstance(slow, UserCheckSource)]
    done = [refresh(site, slow) for slow in mine if _is_due(site, slow)]
    return any(done)


def _is_due(site: Site, slow: UserCheckSource) -> bool:
    with site.store.read() as session:
        row = snapshots.get(session, slow.name)
    return row is None or site.clock() - row.tried_at >= slow.check.every


def results(plan: Plan, store: Store, now: float) -> Iterator[tuple[Target, Outcome]]:
    """Yield what each check found last; unknown when that is too long ago."""
    for slow in sources(plan, ""):
        with store.read() as session:
            row = snapshots.get(session, slow.name)
            if row is None:  # it is about to run for the first time
                continue
            payload, at, error = row.payload, row.at, row.error
        if not payload or at is None or now - at > slow.max_age:
            yield slow.target, Outcome(State.UNKNOWN, error or "the check has not come to an end lately")
            continue
        yield (
            slow.target,
            Outcome(
                State(payload["state"]),
                payload["message"],
                trouble=payload["trouble"],
                figures=payload["figures"],
            ),
        )
