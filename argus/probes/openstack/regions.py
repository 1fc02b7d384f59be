"""Which services a cloud has, by its catalogue: every region's, each a task of its own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from keystoneauth1 import exceptions as ks

from argus.openstack.clouds import open_clouds
from argus.probes.openstack import HORIZON, SERVICES
from argus.probes.openstack.api import Api
from argus.probes.openstack.horizon import Horizon
from argus.probes.outcome import Outcome, State, one_line
from argus.probes.rounds import Task
from argus.probes.target import Target
from argus.probes.wire import DeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keystoneauth1.identity.base import BaseIdentityPlugin

    from argus.openstack.cloud import Cloud
    from argus.probes.plan import Cloud as Wanted
    from argus.probes.wire import Deadline

LOGIN_SECONDS = 10.0
Catalogue = dict[str, dict[str, str]]  # region -> service -> URL


@dataclass
class Regions:
    """One cloud; remembers its catalogue for as long as Keystone does not answer."""

    wanted: Wanted
    clouds_file: str = ""
    catalogue: Catalogue = field(default_factory=dict)
    _cloud: Cloud | None = None

    def open(self) -> Cloud:
        """Read ``clouds.yaml``; connects to nothing.  Raises ``CloudConfigError``."""
        if self._cloud is None:
            (made,) = open_clouds([self.wanted.name], self.clouds_file or None, self.wanted.timeout)
            self._cloud = replace(made, interface=self.wanted.interface)
        return self._cloud

    def tasks(self) -> list[Task]:
        """Log in, as every user does first, and return what is to be probed.  Raises ``CloudConfigError``."""
        cloud = self.open()
        why = self._login(cloud)
        made = [
            Task(
                Target(cloud.name, region, name, name),
                self._run(cloud, region, name, url, why),
                self._limit(),
            )
            for region, services in self.catalogue.items()
            for name, url in services.items()
            if name not in self.wanted.skip
        ]
        made.extend(self._absent(cloud, {task.target.name for task in made}, why))
        if self.wanted.dashboard:
            page = Horizon(self.wanted.dashboard, cloud.session.verify or False)
            made.append(Task(Target(cloud.name, "", HORIZON, HORIZON), page.run, self.wanted.timeout))
        return made

    def _limit(self) -> float:
        return self.wanted.timeout

    def _login(self, cloud: Cloud) -> str:
        """Get a new token and the catalogue; return why not, empty for success."""
        session, auth = cloud.session, cast("BaseIdentityPlugin", cloud.session.auth)
        try:
            access = auth.get_auth_ref(session)
        except (ks.ClientException, OSError) as exc:
            session.invalidate()
            return _why(exc)
        auth.auth_ref = access
        found = read(access.service_catalog.catalog, self.wanted.interface)
        self.catalogue = {
            r: found[r] for r in sorted(found) if not self.wanted.regions or r in self.wanted.regions
        }
        return ""

    def _absent(self, cloud: Cloud, found: set[str], why: str) -> list[Task]:
        """What is expected and is in no catalogue: Keystone itself while it gives none, others for good."""

        def gone(text: str, state: State) -> Callable[[Deadline], Outcome]:
            return lambda _deadline: Outcome(state, text)

        regions = tuple(self.catalogue) or self.wanted.regions or (cloud.region,)
        made = []
        for region in regions:
            if why and "keystone" not in found:
                made.append(
                    Task(Target(cloud.name, region, "keystone", "keystone"), gone(why, State.DOWN), 1.0)
                )
            for name in self.wanted.expect:
                if name in self.catalogue.get(region, {}) or (why and name == "keystone"):
                    continue
                text = f"no catalogue: {why}" if why else "the catalogue does not have it"
                state = State.UNKNOWN if why else State.DOWN
                made.append(Task(Target(cloud.name, region, name, name), gone(text, state), 1.0))
        return made

    def _run(self, cloud: Cloud, region: str, name: str, url: str, why: str) -> Callable[[Deadline], Outcome]:
        here = replace(cloud, region=region)
        types, look = SERVICES[name]

        def run(deadline: Deadline) -> Outcome:
            api = Api(here, types[0], url, deadline, why, cloud.session.verify or False)
            try:
                return look(api)
            except DeniedError as exc:
                latency, version = api.answered[-1] if api.answered else (None, "")
                return Outcome(State.DENIED, one_line(str(exc)), latency, version)

        return run


def read(catalogue: list[dict[str, Any]], interface: str) -> Catalogue:
    """Return the URL of every service that Argus knows, by region; services of all regions are in each."""
    by_type = {kind: name for name, (types, _) in SERVICES.items() for kind in types}
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for entry in catalogue:
        name = by_type.get(str(entry.get("type", "")))
        for endpoint in entry.get("endpoints") or () if name else ():
            region = endpoint.get("region_id") or endpoint.get("region") or ""
            if endpoint.get("interface") == interface and endpoint.get("url"):
                found[region].setdefault(str(name), str(endpoint["url"]))
    return dict(found)


def _why(exc: Exception) -> str:
    """Say why there is no token, without what it may hold."""
    kinds: Mapping[type[Exception], str] = {
        ks.Unauthorized: "Keystone refuses the credentials (401)",
        ks.ConnectTimeout: "Keystone does not answer in time",
        ks.RequestTimeout: "Keystone does not answer in time",
        ks.ConnectFailure: "nothing answers at Keystone's address",
        ks.HttpServerError: f"Keystone answers {getattr(exc, 'http_status', 500)}",
    }
    for kind, words in kinds.items():
        if isinstance(exc, kind):
            return words
    return one_line(f"Keystone gives no token ({type(exc).__name__})")
