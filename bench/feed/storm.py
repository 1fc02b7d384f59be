"""A whole zone starts: guests of many nodes appear at once, each node with an agent's own courier.

    . lab/run/env; PYTHONPATH=lab:bench:tests/kit python bench/feed/storm.py [--zabbix7] [--set NAME=VALUE]

The nodes are registered first and report in peace for a while; then every node has all its guests at once.
What is sent are documents of a recorded node and guest (``tests/fixtures``), each 15 s (of guests at the
level ``standard`` once a minute and without details), through the agent's courier, spool and registrations.
A canary host sends a value a second and asks when Zabbix shows it.
Told are: until when the last guest has its host and its first value, what the nodes' own values and the
canary's waited meanwhile, and how busy Zabbix says its processes were.  All hosts are deleted in the end.
With ``--set CacheSize=1G`` the lab's 6.0 runs meanwhile as a server of that size would.
"""

# a command prints
from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fed_host import FedHost
from recorded_libvirt import two_cycles

from argus.catalogue import guest_state
from argus.zabbix.api import Zabbix
from argus_agent.config import Address
from argus_agent.delivery import Courier
from argus_agent.registrar import ANSWER_SECONDS, Registrar
from argus_agent.registration import Registrations
from argus_agent.servers import Servers
from argus_agent.sinks.zabbix import GUEST_KEY, NODE_KEY
from argus_agent.spool import MemorySpool
from argus_agent.zabbix_protocol import Value, ZabbixError, split_time
from feed.levels import CYCLE_SECONDS, RECORDED, levels
from feed.registrations import Canary, clean, count, cpu_seconds
from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.components.postgres import connect
from stack.components.zabbix7 import DATABASE, zabbix7_env
from stack.components.zabbix_server import USER, ZabbixServer
from stack.lab import Lab, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

PEACE = 60.0  # s before the storm, to compare with
TIMEOUT = 10.0  # s: default of [zabbix] timeout
INTERNAL, FLOAT = 5, 0  # of Zabbix' API, item object
WATCHED = (
    "zabbix[queue,1m]",
    "zabbix[process,trapper,avg,busy]",
    "zabbix[process,history syncer,avg,busy]",
    "zabbix[process,preprocessing manager,avg,busy]",
    "zabbix[process,lld worker,avg,busy]",
    "zabbix[wcache,history,pused]",
    "zabbix[rcache,buffer,pused]",
)
WITH_A_VALUE = """
select count(*) from items i join hosts h using (hostid)
where h.host like %s and i.key_ = %s and exists (select 1 from history_uint v where v.itemid = i.itemid)
"""


@dataclass(frozen=True)
class Texts:
    """The documents of a node and of a guest; a guest's is sent ``every`` seconds."""

    node: str
    guest: str
    every: float


@dataclass
class Heard:
    """What one node's courier was answered: how old its own values were, and how often nobody answered."""

    lags: list[tuple[float, float]] = field(default_factory=list)  # taken at, seconds after it was measured
    registered: list[float] = field(default_factory=list)  # seconds that an answer took
    silent: int = 0


class Watched(Servers):
    """The agent's list of servers, with a watch in its hand."""

    def __init__(self, address: Address, node: str, timeout: float, heard: Heard) -> None:
        super().__init__((address,), timeout, time.monotonic)
        self._node = node
        self._seen: set[int] = set()
        self.heard = heard

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        begin = time.monotonic()
        try:
            reply = super().ask(request)
        except ZabbixError:
            self.heard.silent += 1
            raise
        if request["request"] == "active checks":
            self.heard.registered.append(time.monotonic() - begin)
            return reply
        for value in request["data"]:
            if (
                value["host"] == self._node
                and value["clock"] not in self._seen
                and "failed: 0" in reply["info"]
            ):
                self._seen.add(value["clock"])
                now = time.time()
                self.heard.lags.append((now, now - value["clock"] - value["ns"] / 1e9))
        return reply


class Node:
    """An agent without its collectors: the documents are always the same ones."""

    def __init__(self, address: Address, name: str, guests: list[str], texts: Texts) -> None:
        self.name, self._guests, self._texts = name, guests, texts
        self._guests_at = float("-inf")
        self.heard = Heard()
        servers = Watched(address, name, TIMEOUT, self.heard)
        patient = Watched(address, name, ANSWER_SECONDS, self.heard)
        self.spool = MemorySpool(20_000)
        self._registrations = Registrations(name, time.time, time.monotonic)
        registrar = Registrar(patient, self._registrations)
        self.courier = Courier(servers, self.spool, self._registrations, time.time, registrar)
        self._here: list[str] = []

    def storm(self) -> None:
        self._here = self._guests
        self.cycle()

    def cycle(self) -> None:
        self._registrations.present(self._here, self._here, ())
        clock, ns = split_time(time.time())
        values = [Value(self.name, NODE_KEY, self._texts.node, clock, ns)]
        if self._here and time.monotonic() - self._guests_at >= self._texts.every - 1:
            self._guests_at = time.monotonic()
            values += [Value(guest, GUEST_KEY, self._texts.guest, clock, ns) for guest in self._here]
        self.spool.put(values)
        self.courier.wake()


def run_cycles(nodes: list[Node], stop: threading.Event) -> None:
    """Each node once in a cycle, evenly spread."""
    while not stop.is_set():
        for node in nodes:
            if stop.wait(CYCLE_SECONDS / len(nodes)):
                return
            node.cycle()


def texts(level: str) -> Texts:
    with tempfile.TemporaryDirectory() as folder:
        made = {each.name: each for each in levels(two_cycles(RECORDED, Path(folder)))}
    guest = made[f"guest, {level}"]
    return Texts(json.dumps(made["node"].document), json.dumps(guest.document), guest.every)


@contextmanager
def server_with(lab: Lab, parameters: list[str]) -> Iterator[None]:
    """The lab's server, started again with these lines of zabbix_server.conf (the last of a name counts)."""
    if not parameters:
        yield
        return
    server = ZabbixServer()
    config = lab.folder(server.name, owner=USER) / "zabbix_server.conf"
    usual = config.read_text()
    try:
        server.stop(lab)
        write_private(config, usual + "".join(f"{line}\n" for line in parameters), owner=USER)
        server.run(lab, config)
        yield
    finally:
        server.stop(lab)
        server.start(lab)


@contextmanager
def working(nodes: list[Node]) -> Iterator[None]:
    stop = threading.Event()
    cycles = threading.Thread(target=run_cycles, args=(nodes, stop))
    for node in nodes:
        node.courier.start()
    cycles.start()
    try:
        yield
    finally:
        stop.set()
        cycles.join()
        for node in nodes:
            left = node.spool.oldest(len(node.spool), ())
            node.spool.remove(number for number, _ in left)  # their hosts are about to be deleted
            node.courier.stop(2 * TIMEOUT)


@contextmanager
def canary(zabbix: Zabbix, server: tuple[str, int], name: str) -> Iterator[Canary]:
    """Beside its values, what Zabbix says of itself is kept in items of its host."""
    found = Canary(FedHost(zabbix, server, "guest", name))
    found.host.register()
    found.host.feed({guest_state.STATE.field: 1, guest_state.REASON.field: 101})
    ((hostid,),) = ([row["hostid"]] for row in found.host.rows(output=["hostid"]))
    common = {"hostid": hostid, "type": INTERNAL, "value_type": FLOAT, "delay": "5s"}
    zabbix.call("item.create", *({**common, "key_": key, "name": key} for key in WATCHED))
    thread = threading.Thread(target=found.run)
    thread.start()
    try:
        yield found
    finally:
        found.stop.set()
        thread.join()
        found.host.delete()


def busiest(zabbix: Zabbix, host: str, since: float) -> dict[str, tuple[float, float]]:
    """Mean and highest value of what Zabbix says of itself."""
    rows = zabbix.read("item.get", host=host, output=["key_"], filter={"key_": list(WATCHED)})
    found = {}
    for row in rows:
        history = zabbix.read("history.get", history=FLOAT, itemids=[row["itemid"]], time_from=int(since))
        values = [float(one["value"]) for one in history]
        if values:
            found[row["key_"]] = (round(sum(values) / len(values), 1), round(max(values), 1))
    return found


def with_a_value(lab: Lab, database: str, prefix: str) -> int:
    with connect(lab, "zabbix", database) as connection:
        row = connection.execute(WITH_A_VALUE, [f"{prefix}-g%", guest_state.STATE.zabbix_key]).fetchone()
    return int(row[0]) if row else 0


def made_twice(lab: Lab, database: str, prefix: str) -> int:
    """Names of which Zabbix has more than one host: it asks nobody when two trappers make one at once."""
    query = "select count(*) - count(distinct host) from hosts where host like %s"
    with connect(lab, "zabbix", database) as connection:
        row = connection.execute(query, [f"{prefix}-%"]).fetchone()
    return int(row[0]) if row else 0


def until_all(
    lab: Lab, zabbix: Zabbix, database: str, prefix: str, guests: int, seconds: float
) -> dict[str, float]:
    """Seconds until all have a host, and until all have a value; tells on stderr how far it is."""
    begin, done = time.monotonic(), dict[str, float]()
    while time.monotonic() - begin < seconds:
        time.sleep(5)
        hosts, valued = count(zabbix, f"{prefix}-g"), with_a_value(lab, database, prefix)
        passed = round(time.monotonic() - begin, 1)
        print(f"{passed:7.1f} s: {hosts} hosts, {valued} with a value", file=sys.stderr, flush=True)
        if hosts >= guests:
            done.setdefault("last_host_s", passed)
        if valued >= guests:
            return {**done, "last_first_value_s": passed}
    return {**done, "hosts_when_given_up": hosts, "with_a_value_when_given_up": valued}


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values) or [float("nan")]
    return {
        "median": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[int(len(ordered) * 0.99)], 2),
        "worst": round(ordered[-1], 2),
        "number": len(values),
    }


def measure(
    lab: Lab, zabbix: Zabbix, server: tuple[str, int], text: Texts, given: argparse.Namespace
) -> dict[str, Any]:
    prefix, many, each, seven = uuid.uuid4().hex[:8], given.nodes, given.guests, given.zabbix7
    database = DATABASE if seven else "zabbix"
    processes = ("zabbix7-server" if seven else "zabbix-server", "postgres")
    nodes = [
        Node(Address(*server), f"{prefix}-n{n}", [f"{prefix}-g{n}-{g}" for g in range(each)], text)
        for n in range(many)
    ]
    try:
        with canary(zabbix, server, f"canary-{prefix}") as bird, working(nodes):
            while not all(node.heard.lags for node in nodes):
                time.sleep(1)
            time.sleep(15)  # what is discovered of a node's first document
            quiet, lags = time.time(), len(bird.lags)
            time.sleep(PEACE)
            before, began = [cpu_seconds(lab, name) for name in processes], time.time()
            calm, calm_lags = busiest(zabbix, bird.host.host, quiet), bird.lags[lags:]
            lags, refused = len(bird.lags), bird.unanswered
            for node in nodes:
                node.storm()
            told = until_all(lab, zabbix, database, prefix, many * each, given.seconds)
            spent = [cpu_seconds(lab, name) - old for name, old in zip(processes, before, strict=True)]
            stormy = busiest(zabbix, bird.host.host, began)
            stormy_lags, unanswered = bird.lags[lags:], bird.unanswered - refused
            heard = [node.heard for node in nodes]
            twice = made_twice(lab, database, prefix)
    finally:
        clean(zabbix, prefix)
    return {
        "nodes": many,
        "guests": many * each,
        **told,
        "names_made_twice": twice,
        "cpu_s": dict(zip(processes, (round(s, 1) for s in spent), strict=True)),
        "canary_lag_s": {"before": spread(calm_lags), "meanwhile": spread(stormy_lags)},
        "canary_unanswered": unanswered,
        "nodes_own_values_lag_s": {
            "before": spread([lag for h in heard for at, lag in h.lags if quiet < at < began]),
            "meanwhile": spread([lag for h in heard for at, lag in h.lags if at >= began]),
        },
        "registration_answer_s": spread([s for h in heard for s in h.registered]),
        "requests_unanswered": sum(h.silent for h in heard),
        "zabbix_mean_and_worst": {"before": calm, "meanwhile": stormy},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--guests", type=int, default=20, help="of each node")
    parser.add_argument("--seconds", type=float, default=1800.0, help="after which it is broken off")
    parser.add_argument("--level", choices=("full", "standard"), default="full", help="of the guests")
    parser.add_argument("--zabbix7", action="store_true", help="the 7.0 of the lab instead of the 6.0")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the lab's 6.0")
    given = parser.parse_args()
    if given.set and given.zabbix7:
        parser.error("--set is for the 6.0 of the lab")
    lab = Lab.open()
    env = {**os.environ, **(zabbix7_env(lab) if given.zabbix7 else {})}
    host, _, port = env["ZABBIX_SERVER"].rpartition(":")
    with (
        server_with(lab, given.set),
        Zabbix.login(env["ZABBIX_URL"], ZABBIX_USER, ZABBIX_PASSWORD, timeout=300) as zabbix,
    ):
        found = measure(lab, zabbix, (host, int(port)), texts(given.level), given)
        about = {"zabbix": ".".join(map(str, zabbix.version)), "level": given.level, "set": given.set}
        print(json.dumps({**about, **found}, indent=1))


if __name__ == "__main__":
    main()
