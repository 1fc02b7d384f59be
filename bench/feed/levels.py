"""What a node and a guest cost the Zabbix server a minute, at each level of ``[zabbix] guests``.

    . lab/run/env; PYTHONPATH=lab:bench:tests/kit python bench/feed/levels.py

Documents of a recorded node and its guests (``tests/fixtures``) go to hosts made for this, as the agent's
sink makes them: each cycle at ``full``, once a minute and without the lists of details at ``standard``.
CPU is that of the server and of PostgreSQL, less what they use in the same time with nobody sending; it is
told for each document, and for the documents of a minute.  All hosts are deleted in the end.
"""

# a command prints
from __future__ import annotations

import argparse
import json
import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorded_libvirt import two_cycles

from argus.catalogue.model import Kind
from argus.render.names import GUEST_HOST, NODE_HOST, template_name
from argus.zabbix.api import Zabbix
from argus_agent.config import Address
from argus_agent.sinks.document import NODE, documents
from argus_agent.sinks.zabbix import STANDARD_SECONDS
from argus_agent.zabbix_protocol import Value, exchange, parse_taken, sender_data
from feed.registrations import cpu_seconds
from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.lab import Lab
from stack.polling import wait_until

if TYPE_CHECKING:
    from argus_agent.runner import Result

RECORDED = "two-socket-v2"
CYCLE_SECONDS = 15.0  # the agent's default interval
SETTLE_SECONDS = 8.0  # until discovered items are there and in the server's cache
SERVERS = ("zabbix-server", "postgres")


@dataclass(frozen=True, slots=True)
class Level:
    """A kind of host and what is sent for it; ``every`` seconds a document."""

    name: str
    kind: str
    document: dict[str, Any]
    every: float


def levels(result: Result) -> list[Level]:
    """The node's document, and the richest guest's with and without its details."""
    made = dict(documents(result.samples))
    plain = dict(documents(s for s in result.samples if not s.metric.entity.detail))
    guest = max((owner for owner in made if owner != NODE), key=lambda owner: len(json.dumps(made[owner])))
    return [
        Level("node", NODE_HOST, made[NODE], CYCLE_SECONDS),
        Level("guest, full", GUEST_HOST, made[guest], CYCLE_SECONDS),
        Level("guest, standard", GUEST_HOST, plain[guest], STANDARD_SECONDS),
    ]


def counters(result: Result) -> set[str]:
    return {s.metric.field for s in result.samples if s.metric.kind is Kind.COUNTER}


def grown(document: dict[str, Any], growing: set[str], step: int) -> dict[str, Any]:
    """The document ``step`` cycles later: counters have gone on, so that each makes a value."""

    def part(value: Any, name: str) -> Any:
        if isinstance(value, list):
            return [{key: part(each, key) for key, each in row.items()} for row in value]
        return value + step * 1000 if name in growing else value

    return {name: part(value, name) for name, value in document.items()}


def measure(lab: Lab, zabbix: Zabbix, address: Address, level: Level, given: argparse.Namespace) -> Any:
    prefix = f"level-{secrets.token_hex(4)}"
    (group,) = zabbix.call("hostgroup.create", name=prefix)["groupids"]
    rows = zabbix.read("template.get", filter={"host": [template_name(level.kind)]}, output=["templateid"])
    names = [f"{prefix}-{number}" for number in range(given.hosts)]
    templates = [{"templateid": rows[0]["templateid"]}]
    bodies = [{"host": n, "groups": [{"groupid": group}], "templates": templates} for n in names]
    try:
        ids = zabbix.call("host.create", *bodies)["hostids"]
        begin = int(time.time()) - (given.rounds + 2) * 60

        def send(step: int) -> bool:
            text = json.dumps(grown(level.document, given.growing, step), separators=(",", ":"))
            key = f"argus.{level.kind}.get"
            values = [Value(name, key, text, begin + step * 60, 0) for name in names]
            return parse_taken(exchange(address, sender_data(values, time.time()), 60)).failed == 0

        assert wait_until(lambda: send(0), 60, every=1), "values are refused"
        time.sleep(SETTLE_SECONDS)
        assert send(1)
        time.sleep(SETTLE_SECONDS)
        idle = spent(lab, lambda: time.sleep(given.seconds))
        busy = spent(lab, lambda: paced(send, given))
        items = zabbix.read("item.get", hostids=ids[:1], output=["lastclock"], monitored=True)
    finally:
        found = zabbix.read("host.get", groupids=[group], output=["hostid"])
        zabbix.call("host.delete", *(row["hostid"] for row in found))
        zabbix.call("hostgroup.delete", group)
    documents_sent = given.hosts * given.rounds
    cost = [1000 * (b - i) / documents_sent for b, i in zip(busy, idle, strict=True)]
    return {
        "of": level.name,
        "bytes": len(json.dumps(level.document, separators=(",", ":"))),
        "items": len(items),
        "values_a_minute": round(sum(i["lastclock"] != "0" for i in items) * 60 / level.every),
        "server_ms_a_minute": round(cost[0] * 60 / level.every, 1),
        "postgres_ms_a_minute": round(cost[1] * 60 / level.every, 1),
    }


def paced(send: Any, given: argparse.Namespace) -> None:
    """All rounds, spread over the time of the idle measurement."""
    end = time.monotonic() + given.seconds
    for step in range(given.rounds):
        assert send(step + 2)
        time.sleep(max(0.0, (end - time.monotonic()) / (given.rounds - step)))


def spent(lab: Lab, work: Any) -> list[float]:
    """CPU seconds of each server while ``work`` is done."""
    before = [cpu_seconds(lab, name) for name in SERVERS]
    work()
    return [cpu_seconds(lab, name) - old for name, old in zip(SERVERS, before, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=20, help="documents a host")
    parser.add_argument("--seconds", type=float, default=15.0, help="over which they are spread")
    given = parser.parse_args()
    lab = Lab.open()
    host, _, port = os.environ["ZABBIX_SERVER"].rpartition(":")
    address = Address(host, int(port))
    with tempfile.TemporaryDirectory() as folder:
        result = two_cycles(RECORDED, Path(folder))
    given.growing = counters(result)
    with Zabbix.login(os.environ["ZABBIX_URL"], ZABBIX_USER, ZABBIX_PASSWORD, timeout=300) as zabbix:
        for level in levels(result):
            print(json.dumps(measure(lab, zabbix, address, level, given)), flush=True)


if __name__ == "__main__":
    main()
