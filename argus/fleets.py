"""Fleets of one installation: from the clouds of ``[openstack]``, or without them from the agents."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argus.correlator.capacity import agents
from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from argus.correlator.capacity.model import Fleet
    from argus.correlator.capacity.noisy import Usage
    from argus.correlator.facts import NodeValues
    from argus.openstack.inventory import Reader


AGENTS = "agents"  # the name of the fleet of a site without OpenStack


@dataclass(slots=True)
class Fleets:
    """Reads all fleets; keeps a reader a cloud, so that the next reading asks only for what has changed."""

    conf: Any
    clock: Callable[[], float] = time.time
    _readers: dict[str, Reader] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Name the fleets: the clouds that are configured, else the one of the agents."""
        return tuple(self.conf.openstack.clouds) or (AGENTS,)

    def read(self, name: str, progress: Callable[[int, int], None] | None = None) -> Fleet:
        """Read one fleet.  What cannot be read is named in it; ``ArgusError`` when nothing can be said."""
        if self.conf.openstack.clouds:
            return self._cloud(name, progress)
        fresh = self.clock() - self.conf.correlator.stale_after
        nodes, details, residents = self._agents(fresh, everything=True)
        return agents.of_agents(AGENTS, nodes, residents, fresh, self.clock(), details)

    def usages(self, nodes: Collection[str]) -> list[Usage]:
        """Return what the guests of some nodes use and wait for.  Raises ``ZabbixError``."""
        from argus.zabbix import api, guest_values  # noqa: PLC0415

        options = self.conf.zabbix
        file = Path(options.token_file)
        with api.Zabbix.with_token_file(options.url, file, timeout=options.timeout) as zabbix:
            return guest_values.read_usages(zabbix, nodes)

    def _cloud(self, name: str, progress: Callable[[int, int], None] | None) -> Fleet:
        from argus.openstack import documents  # noqa: PLC0415  # only who reads a cloud needs its client

        reader = self._reader(name)
        read = reader.read(self.clock(), progress)
        if read.providers is None and read.hypervisors is None:
            said = f"{read.missing['providers']}; Nova: {read.missing['hypervisors']}"
            raise ArgusError(f"cloud {name}: neither Placement nor Nova can be read. Placement: {said}")
        racks = [
            each["name"]
            for each in read.aggregates or ()
            if any(fnmatchcase(each["name"], pattern) for pattern in self.conf.capacity.racks)
        ]
        try:
            fleet = documents.fleet(name, read, self.clock(), racks)
        except (KeyError, TypeError, ValueError) as exc:
            raise ArgusError(f"cloud {name}: an answer has another shape than documented: {exc!r}") from exc
        fresh = self.clock() - self.conf.correlator.stale_after
        try:
            nodes, details, _ = self._agents(fresh, everything=False)
        except ArgusError as exc:
            fleet.missing["agents"] = str(exc)  # type: ignore[index]  # made as a dict a line ago
            return fleet
        return agents.with_agents(fleet, nodes, details, fresh)

    def _reader(self, name: str) -> Reader:
        from argus.openstack.clouds import open_clouds  # noqa: PLC0415
        from argus.openstack.inventory import Reader  # noqa: PLC0415

        if name not in self._readers:
            options = self.conf.openstack
            (cloud,) = open_clouds([name], options.clouds_file, options.timeout)
            self._readers[name] = Reader(cloud, quotas=options.quotas)
        return self._readers[name]

    def _agents(
        self, fresh: float, *, everything: bool
    ) -> tuple[tuple[NodeValues, ...], dict[str, agents.Details], list[agents.Resident]]:
        """Read nodes from Zabbix, and guests where they are wanted.  Raises ``ZabbixError``."""
        from argus.zabbix import api, feeds, guest_values, node_details  # noqa: PLC0415

        options = self.conf.zabbix
        file = Path(options.token_file)
        with api.Zabbix.with_token_file(options.url, file, timeout=options.timeout) as zabbix:
            nodes = feeds.read_node_values(zabbix)
            details = node_details.read_node_details(zabbix, fresh)
            residents = guest_values.read_residents(zabbix) if everything else []
        return nodes, details, residents
