"""Many guests appear at once: how long Zabbix takes, what it costs, and whether others wait meanwhile.

    . lab/run/env; PYTHONPATH=lab:tests/kit python bench/feed/registrations.py --guests 500 [--zabbix7]

The guests are registered as agents do it, over the real protocol; a canary host sends a value a second and
asks the API when Zabbix shows it.  All hosts are deleted in the end.
"""

# a command prints
from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import psutil
from fed_host import FedHost

from argus.catalogue import guest_state
from argus.zabbix.api import Zabbix
from argus.zabbix.api import ZabbixError as ZabbixApiError
from argus_agent.config import Address
from argus_agent.zabbix_protocol import ZabbixError, active_checks, exchange
from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.components.zabbix7 import zabbix7_env
from stack.lab import Lab

THREADS = 8
GIVE_UP = 1800.0  # s
DELETED_AT_ONCE = 25
DELETIONS = 5


@dataclass
class Canary:
    """A guest that was there before: seconds until Zabbix showed each of its values, and of each API call."""

    host: FedHost
    lags: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    unanswered: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        while not self.stop.wait(1.0):
            number += 1
            begin = time.monotonic()
            document = {guest_state.STATE.field: number % 2 + 1, guest_state.REASON.field: 10_000 + number}
            try:
                self.host.send(document)
            except ZabbixError:  # no trapper was free in time; an agent keeps the value and tries again
                self.unanswered += 1
                self.lags.append(time.monotonic() - begin)
                continue
            while self.shown() != str(10_000 + number):
                if time.monotonic() - begin > 60 or self.stop.wait(0.1):
                    break
            self.lags.append(time.monotonic() - begin)

    def shown(self) -> str | None:
        begin = time.monotonic()
        try:
            return self.host.newest(guest_state.REASON.zabbix_key)
        finally:
            self.calls.append(time.monotonic() - begin)


def cpu_seconds(lab: Lab, *names: str) -> float:
    """CPU time of the recorded processes and all below them, those that have ended included."""
    total = 0.0
    for name in names:
        top = psutil.Process(lab.processes.pid(name) or 0)
        for process in [top, *top.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile: its parent counts it, below
                times = process.cpu_times()
                total += times.user + times.system
        ended = top.cpu_times()
        total += ended.children_user + ended.children_system
    return total


def count(zabbix: Zabbix, prefix: str) -> int:
    return int(zabbix.read("host.get", countOutput=True, search={"host": prefix}, startSearch=True))


def measure(lab: Lab, zabbix: Zabbix, server: tuple[str, int], guests: int) -> dict[str, float]:
    prefix = uuid.uuid4().hex[:8]
    canary = Canary(FedHost(zabbix, server, "guest", f"canary-{prefix}"))
    canary.host.register()
    canary.host.feed({guest_state.STATE.field: 1, guest_state.REASON.field: 101})
    watch = threading.Thread(target=canary.run)
    watch.start()
    time.sleep(10)
    quiet = max(canary.lags[1:], default=0.0)
    quiet_calls = statistics.median(canary.calls)
    canary.calls.clear()
    servers = ("zabbix7-server" if server[1] == lab.ports["zabbix7-server"] else "zabbix-server", "postgres")
    before, begin = [cpu_seconds(lab, name) for name in servers], time.monotonic()
    try:
        asked = register(server, prefix, guests)
        while count(zabbix, prefix) < guests and time.monotonic() - begin < GIVE_UP:
            time.sleep(1)
        there = time.monotonic() - begin
        spent = [cpu_seconds(lab, name) - old for name, old in zip(servers, before, strict=True)]
        items = int(zabbix.read("item.get", countOutput=True, host=f"{prefix}-0"))
    finally:
        canary.stop.set()
        watch.join()
        clean(zabbix, prefix)
        canary.host.delete()
    return {
        "guests": guests,
        "items_each": items,
        "requests_answered_s": round(asked, 1),
        "all_hosts_there_s": round(there, 1),
        "server_cpu_s": round(spent[0], 1),
        "postgres_cpu_s": round(spent[1], 1),
        "canary_worst_lag_before_s": round(quiet, 1),
        "canary_worst_lag_s": round(max(canary.lags), 1),
        "canary_values": len(canary.lags),
        "canary_unanswered": canary.unanswered,
        "api_call_median_before_ms": round(quiet_calls * 1000),
        "api_call_median_ms": round(statistics.median(canary.calls) * 1000),
        "api_call_worst_ms": round(max(canary.calls) * 1000),
    }


def register(server: tuple[str, int], prefix: str, guests: int) -> float:
    begin = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: contact(server, f"{prefix}-{number}"), range(guests)))
    return time.monotonic() - begin


def contact(server: tuple[str, int], host: str) -> None:
    exchange(Address(*server), active_checks(host, f"argus-guest node=bench seq={time.time_ns()}"), 300)


def clean(zabbix: Zabbix, prefix: str) -> None:
    """Delete them, once more where the server that is still at work gets in the way."""
    for _ in range(DELETIONS):
        rows = zabbix.read("host.get", output=["hostid"], search={"host": prefix}, startSearch=True)
        for start in range(0, len(rows), DELETED_AT_ONCE):
            with suppress(ZabbixApiError):
                zabbix.call("host.delete", *(row["hostid"] for row in rows[start : start + DELETED_AT_ONCE]))
    if left := count(zabbix, prefix):
        print(f"{left} hosts that begin with {prefix} are left: delete them by hand", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--guests", type=int, default=500)
    parser.add_argument("--zabbix7", action="store_true", help="the 7.0 of the lab instead of the 6.0")
    given = parser.parse_args()
    lab = Lab.open()
    env = {**os.environ, **(zabbix7_env(lab) if given.zabbix7 else {})}
    host, _, port = env["ZABBIX_SERVER"].rpartition(":")
    with Zabbix.login(env["ZABBIX_URL"], ZABBIX_USER, ZABBIX_PASSWORD, timeout=300) as zabbix:
        result = {"zabbix": ".".join(map(str, zabbix.version))}
        print(json.dumps({**result, **measure(lab, zabbix, (host, int(port)), given.guests)}, indent=1))


if __name__ == "__main__":
    main()
