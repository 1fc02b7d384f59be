"""Who is compared: each is started, asked once an interval as Prometheus would, and stopped."""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import libvirt
import requests

from stack.errors import DownError
from stack.polling import wait_until
from stack.ports import is_free

if TYPE_CHECKING:
    from agent_bench.node import Node
    from agent_bench.packages import Packages
    from stack.lab import Lab

SCRAPE_TIMEOUT = 60
READY_TIMEOUT = 120
FIRST_PORT = 19700
COLLECTD = """\
Hostname "bench"
BaseDir "{folder}"
PIDFile "{folder}/collectd.pid"
PluginDir "{plugins}"
TypesDB "{types}"
Interval {interval}
LoadPlugin virt
LoadPlugin write_prometheus
<Plugin virt>
  Connection "{uri}"
  RefreshInterval 60
  ExtraStats "cpu_util disk disk_err domain_state job_stats_background pcpu perf vcpu vcpupin"
</Plugin>
<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "{port}"
</Plugin>
"""
AGENT = """\
[DEFAULT]
host = bench-node
interval = {interval}
rundir = {rundir}
[libvirt]
uri = {uri}
timeout = 60
[zabbix]
servers = {servers}
[prometheus]
listen = 127.0.0.1:{port}
"""


@dataclass(frozen=True, slots=True)
class Scrape:
    """One answer: seconds until the values were there, and series about guests and the node.

    ``wall`` is ``None`` for who measures at times of its own and does not say how long it takes.
    """

    wall: float | None
    series: int


class Watched(Protocol):
    """The node that is measured: libvirt's address and run directory."""

    @property
    def uri(self) -> str: ...

    @property
    def rundir(self) -> Path: ...


class Contestant(Protocol):
    """One column of the comparison."""

    @property
    def name(self) -> str: ...

    @property
    def own_pace(self) -> bool:
        """Whether it measures once an interval by itself, and not when it is scraped."""

    def start(self, interval: float, guests: int) -> None:
        """Start and wait until all guests were measured twice.  Raises ``LabError``."""

    def pid(self) -> int | None:
        """Whose CPU time is its own; ``None`` for nobody's."""

    def scrape(self) -> Scrape:
        """Take the values once."""

    def stop(self) -> None: ...


class Nobody:
    """Nothing at all: what libvirtd and the guests cost anyhow, which is taken off the others."""

    name = "(nobody)"
    own_pace = False

    def start(self, interval: float, guests: int) -> None:
        """Nothing to start."""

    def pid(self) -> int | None:
        return None

    def scrape(self) -> Scrape:
        return Scrape(None, 0)

    def stop(self) -> None:
        """Nothing to stop."""


class BareCall:
    """virConnectGetAllDomainStats with all groups, called from this process: the reference."""

    name = "bare getAllDomainStats"
    own_pace = False

    def __init__(self, node: Node) -> None:
        self._node = node
        self._connection: libvirt.virConnect | None = None

    def start(self, interval: float, guests: int) -> None:
        del interval, guests
        self._connection = libvirt.openReadOnly(self._node.uri)
        self.scrape()

    def pid(self) -> int | None:
        return os.getpid()

    def scrape(self) -> Scrape:
        assert self._connection is not None, "started before it is asked"
        begin = time.perf_counter()
        answer = self._connection.getAllDomainStats(0, 0)
        wall = time.perf_counter() - begin
        return Scrape(wall, sum(not isinstance(v, str) for _, stats in answer for v in stats.values()))

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()


class _Scraped:
    """A daemon of the lab's kind that serves /metrics."""

    name = ""
    own_pace = True
    counts = re.compile("")  # the series that count

    def __init__(self, lab: Lab, node: Watched, port: int) -> None:
        self._lab = lab
        self._node = node
        self._port = next(p for p in range(FIRST_PORT + port, FIRST_PORT + port + 1000, 10) if is_free(p))
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy for the outer world has no business on 127.0.0.1

    @property
    def _process(self) -> str:
        return "bench-" + re.sub(r"[^a-z]+", "-", self.name.lower()).strip("-")

    def pid(self) -> int | None:
        return self._lab.processes.pid(self._process)

    def scrape(self) -> Scrape:
        begin = time.perf_counter()
        text = self._get()
        return Scrape(time.perf_counter() - begin, self._count(text))

    def stop(self) -> None:
        self._session.close()
        self._lab.processes.stop(self._process)

    def _get(self) -> str:
        answer = self._session.get(f"http://127.0.0.1:{self._port}/metrics", timeout=SCRAPE_TIMEOUT)
        answer.raise_for_status()
        return answer.text

    def _count(self, text: str) -> int:
        return sum(self.counts.match(line) is not None for line in text.splitlines())

    def _wait_for(self, series: int) -> None:
        def check() -> str:
            try:
                found = self._count(self._get())
            except requests.RequestException as failure:
                raise DownError(type(failure).__name__) from None
            if found < series:
                raise DownError(f"{found} series of at least {series}")
            return ""

        self._lab.processes.wait_ready(self._process, check, timeout=READY_TIMEOUT)


class LibvirtExporter(_Scraped):
    """Measures when it is scraped."""

    own_pace = False
    counts = re.compile(r"libvirt_")

    def __init__(self, lab: Lab, node: Node, packages: Packages) -> None:
        super().__init__(lab, node, 1)
        self._binary = packages.path("usr/bin/prometheus-libvirt-exporter")
        self.name = f"libvirt-exporter {packages.version('prometheus-libvirt-exporter')}"

    def start(self, interval: float, guests: int) -> None:
        del interval
        argv: list[str | Path] = [
            self._binary,
            f"--web.listen-address=127.0.0.1:{self._port}",
            f"--libvirt.uri={self._node.uri}",
            "--libvirt.export-nova-metadata",
        ]
        self._lab.processes.start(self._process, argv)
        self._wait_for(guests)


class Collectd(_Scraped):
    """Measures once an interval; write_prometheus shows the last values."""

    counts = re.compile(r"collectd_virt_")

    def __init__(self, lab: Lab, node: Node, packages: Packages) -> None:
        super().__init__(lab, node, 2)
        self._packages = packages
        self.name = f"collectd {packages.version('collectd-core')}"

    def start(self, interval: float, guests: int) -> None:
        folder = self._lab.folder("collectd")
        config = folder / "collectd.conf"
        config.write_text(
            COLLECTD.format(
                folder=folder,
                plugins=self._packages.path("usr/lib/collectd"),
                types=self._packages.path("usr/share/collectd/types.db"),
                interval=interval,
                uri=self._node.uri,
                port=self._port,
            )
        )
        self._lab.processes.start(
            self._process,
            [self._packages.path("usr/sbin/collectd"), "-f", "-C", config],
            env={"LD_LIBRARY_PATH": self._packages.libraries()},
        )
        self._wait_for(10 * guests)

    def scrape(self) -> Scrape:
        return Scrape(None, super().scrape().series)


class Agent(_Scraped):
    """The daemon as it is installed; ``server`` is where it sends to, ``host:port`` or nothing."""

    counts = re.compile(r"argus_(guest|node)_")

    def __init__(self, lab: Lab, node: Watched, server: str = "") -> None:
        super().__init__(lab, node, 4 if server else 3)
        self._server = server
        self.name = "argus-agent, sending" if server else "argus-agent"

    @cached_property
    def _program(self) -> Path:
        return Path(sys.prefix) / "bin" / "argus-agent"

    def start(self, interval: float, guests: int) -> None:
        config = self._lab.folder("agent") / f"{self._process}.conf"
        config.write_text(
            AGENT.format(
                interval=interval,
                rundir=self._node.rundir,
                uri=self._node.uri,
                servers=self._server,
                port=self._port,
            )
        )
        self._lab.processes.start(self._process, [self._program, "--config-file", config])
        # Ratios need two cycles, and the first one also reads each guest's XML.
        self._wait_for(10 * guests)
        wait_until(lambda: "argus_node_cpu_used_ratio" in self._get(), READY_TIMEOUT)

    def scrape(self) -> Scrape:
        text = self._get()
        cycle = re.search(r"^argus_agent_cycle_seconds (\S+)", text, re.MULTILINE)
        return Scrape(float(cycle[1]) if cycle else None, self._count(text))
