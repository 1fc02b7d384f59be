"""Values a second into a Zabbix, and what they cost: Argus' documents beside zabbix_sender and zabbix_utils.

    . lab/run/env; PYTHONPATH=lab:bench:tests/kit python bench/feed/senders.py --sender PATH/TO/zabbix_sender

The same numbers go to the same server three ways, in one run: as Argus sends them (one JSON document a
guest, cut up by dependent items), and as plain trapper values by Zabbix' own program and by its library.
CPU of the client is that of what sends and of its children; server and PostgreSQL: all that they used.
zabbix_utils is not needed by Argus: pip install zabbix_utils.  What is made in Zabbix is deleted in the end.
"""

# a command prints
from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zabbix_utils import ItemValue, Sender

from argus.zabbix.api import Zabbix
from argus_agent.delivery import Courier
from argus_agent.registration import Registrations
from argus_agent.servers import Servers
from argus_agent.settings import Address
from argus_agent.spool import MemorySpool
from argus_agent.zabbix_protocol import Value
from feed.registrations import cpu_seconds
from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable

GUESTS, METRICS = 100, 60
TRAPPER, DEPENDENT, FLOAT, TEXT, JSONPATH = 2, 18, 0, 4, 12  # of Zabbix' API, item object
GIVE_UP = 300.0  # s
NONE = {"error_handler_params": ""}


@dataclass(frozen=True, slots=True)
class Target:
    """A host with a document's dependent items and as many plain trapper items, for each of ``GUESTS``."""

    zabbix: Zabbix
    host: str
    hostid: str


def make(zabbix: Zabbix) -> tuple[Target, str]:
    name = f"feed-{secrets.token_hex(4)}"
    (group,) = zabbix.call("hostgroup.create", name=name)["groupids"]
    (hostid,) = zabbix.call("host.create", host=name, groups=[{"groupid": group}])["hostids"]
    common = {"hostid": hostid, "history": "1d", "trends": "0"}
    for guest in range(GUESTS):
        master = {"hostid": hostid, "name": f"doc {guest}", "key_": f"doc[{guest}]", "type": TRAPPER}
        (master_id,) = zabbix.call("item.create", **master, value_type=TEXT, history="0", trends="0")[
            "itemids"
        ]
        items: list[dict[str, Any]] = []
        for number in range(METRICS):
            cut = {"type": JSONPATH, "params": f"$.m{number}", "error_handler": 1} | NONE
            here = {"name": f"dep {guest} {number}", "key_": f"dep[{guest},{number}]", "type": DEPENDENT}
            items.append(
                common | here | {"value_type": FLOAT, "master_itemid": master_id, "preprocessing": [cut]}
            )
            plain = {"name": f"plain {guest} {number}", "key_": f"plain[{guest},{number}]", "type": TRAPPER}
            items.append(common | plain | {"value_type": FLOAT})
        zabbix.call("item.create", *items)
    return Target(zabbix, name, hostid), group


def by_argus(target: Target, address: Address, rounds: int) -> None:
    """The agent's own courier, without its thread: it sends until nothing waits."""
    clock = time.time()
    spool = MemorySpool(GUESTS * rounds)
    for number in range(rounds):
        document = json.dumps({f"m{n}": number + n for n in range(METRICS)}, separators=(",", ":"))
        at = int(clock) - rounds + number
        spool.put(Value(target.host, f"doc[{guest}]", document, at, 0) for guest in range(GUESTS))
    registrations = Registrations(target.host, time.time, time.monotonic, resend=0)
    registrations.told(target.host)
    registrations.taken(target.host)
    courier = Courier(Servers((address,), 30, time.monotonic), spool, registrations, time.time)
    while len(spool):
        courier.step()


def by_utils(target: Target, address: Address, rounds: int) -> None:
    clock = int(time.time())
    sender = Sender(server=address.host, port=address.port)
    for number in range(rounds):
        at = clock - rounds + number
        sender.send(
            [
                ItemValue(target.host, f"plain[{guest},{n}]", str(number + n), at, 0)
                for guest in range(GUESTS)
                for n in range(METRICS)
            ]
        )


def by_program(program: str) -> Callable[[Target, Address, int], None]:
    def send(target: Target, address: Address, rounds: int) -> None:
        clock = int(time.time())
        lines = "\n".join(
            f"{target.host} plain[{guest},{n}] {clock - rounds + number} 0 {number + n}"
            for number in range(rounds)
            for guest in range(GUESTS)
            for n in range(METRICS)
        )
        argv = [program, "-z", address.host, "-p", str(address.port), "-T", "-N", "-i", "-"]
        subprocess.run(argv, input=lines.encode(), check=True, capture_output=True, timeout=GIVE_UP)

    return send


def cpu_here() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def stored(target: Target, since: float, key: str) -> int:
    """Values of the items that begin with ``key`` which came since; asked in pages of items."""
    rows = target.zabbix.read(
        "item.get", hostids=[target.hostid], output=["itemid"], search={"key_": f"{key}["}, startSearch=True
    )
    ids = [row["itemid"] for row in rows]
    return int(
        target.zabbix.read("history.get", history=0, itemids=ids, time_from=int(since), countOutput=True)
    )


def measure(
    lab: Lab, target: Target, address: Address, rounds: int, way: tuple[str, str, Callable[..., None]]
) -> dict[str, float | str]:
    name, key, send = way
    wanted = rounds * GUESTS * METRICS
    since = time.time() - rounds - 1
    servers = ("zabbix-server", "postgres")
    before = [cpu_seconds(lab, server) for server in servers]
    client, begin = cpu_here(), time.monotonic()
    send(target, address, rounds)
    sent, client = time.monotonic() - begin, cpu_here() - client
    while stored(target, since, key) < wanted and time.monotonic() - begin < GIVE_UP:
        time.sleep(0.2)
    wall = time.monotonic() - begin
    spent = [cpu_seconds(lab, server) - old for server, old in zip(servers, before, strict=True)]
    return {
        "way": name,
        "values": stored(target, since, key),
        "of": wanted,
        "sent_s": round(sent, 2),
        "stored_s": round(wall, 2),
        "values_per_s": round(wanted / wall),
        "client_cpu_ms_per_1000": round(client * 1e6 / wanted, 2),
        "server_cpu_ms_per_1000": round(spent[0] * 1e6 / wanted, 1),
        "postgres_cpu_ms_per_1000": round(spent[1] * 1e6 / wanted, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--sender", default="zabbix_sender", help="Zabbix' program, of Debian's zabbix-agent")
    given = parser.parse_args()
    lab = Lab.open()
    host, _, port = os.environ["ZABBIX_SERVER"].rpartition(":")
    address = Address(host, int(port))
    ways = (
        ("argus", "dep", by_argus),
        ("zabbix_sender", "plain", by_program(given.sender)),
        ("zabbix_utils", "plain", by_utils),
    )
    with Zabbix.login(os.environ["ZABBIX_URL"], ZABBIX_USER, ZABBIX_PASSWORD, timeout=300) as zabbix:
        target, group = make(zabbix)
        try:
            time.sleep(10)  # the server reads its 12,100 new items
            for way in ways:
                print(json.dumps(measure(lab, target, address, given.rounds, way)), flush=True)
                time.sleep(given.rounds + 2)  # so that the clocks of two ways do not overlap
        finally:
            zabbix.call("host.delete", target.hostid)
            zabbix.call("hostgroup.delete", group)


if __name__ == "__main__":
    main()
