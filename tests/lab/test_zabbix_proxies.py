"""A guest moves between nodes behind two Zabbix proxies, and no value is lost.

The nodes are the agent's own delivery, from a cycle's result to the wire, fed by the test twice a second;
proxies and server are real.  What libvirt says during a migration is told here by hand.  At each move the
server's configuration syncer stands still for a while, as if its cache were renewed once a minute, which is
Zabbix' default: what a proxy takes of a guest that is new to it, the server drops meanwhile.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argus.catalogue import guest_info, guest_memory, guest_state, libvirt
from argus.zabbix.api import Zabbix
from argus_agent.delivery import Courier
from argus_agent.guests import (
    PAUSED,
    PAUSED_MIGRATION,
    RUNNING,
    SHUTOFF,
    SHUTOFF_MIGRATED,
    Guest,
    LibvirtView,
)
from argus_agent.registration import Registrations
from argus_agent.runner import Result
from argus_agent.servers import Servers
from argus_agent.settings import Address
from argus_agent.sinks import zabbix as sink
from argus_agent.spool import MemorySpool
from stack.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

LAG = 8.0  # s of an old cache in the server; the proxies ask for their hosts every 5
RESEND = 20.0  # s
HERE, ARRIVING, LEFT = (RUNNING, 1), (PAUSED, PAUSED_MIGRATION), (SHUTOFF, SHUTOFF_MIGRATED)
EVERY = 0.5
VALUES_BETWEEN_MOVES = 30  # with the lag more than an arrival, its registration and the resending take
MOST_BEFORE = 200  # values until the first one is stored


class Node:
    """A node that sends through one proxy."""

    def __init__(self, name: str, proxy: int) -> None:
        self.name = name
        spool = MemorySpool(1000)
        registrations = Registrations(name, time.time, time.monotonic, RESEND)
        servers = Servers((Address("127.0.0.1", proxy),), 5, time.monotonic)
        self.courier = Courier(servers, spool, registrations, time.time)
        self._sink = sink.Zabbix(name, spool, registrations, self.courier)

    def cycle(self, guest: str, state: tuple[int, int], number: int) -> None:
        """What the node sees of the guest, whose value is ``number`` while it is here."""
        stats = {"state.state": state[0], "state.reason": state[1]}
        values = (
            guest_state.STATE.sample(1, guest),
            guest_info.NODE.sample(self.name, guest),
            guest_memory.CURRENT.sample(number, guest),
        )
        samples = (libvirt.UP.sample(1), *(values if state == HERE else ()))
        view = LibvirtView(up=True, guests=(Guest(guest, "moving", stats=stats),))
        self._sink.put(Result(time.time(), samples, view))


@pytest.fixture
def nodes(lab: Lab) -> Iterator[tuple[Node, Node]]:
    with lab.proxies() as ports:
        pair = tuple(Node(f"proxied-{uuid.uuid4().hex[:8]}", port) for port in ports)
        for node in pair:
            node.courier.start()
        try:
            yield pair[0], pair[1]
        finally:
            for node in pair:
                node.courier.stop(5)


@pytest.fixture
def admin(lab: Lab) -> Iterator[Zabbix]:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        yield zabbix


def row(admin: Zabbix, host: str) -> dict[str, Any] | None:
    """The host with the proxy that it belongs to, by either name of that field."""
    found = admin.read("host.get", filter={"host": [host]}, output="extend")
    return {"hostid": found[0]["hostid"], "proxy": proxy_of(found[0])} if found else None


def proxy_of(host: dict[str, Any]) -> str:
    return str(host.get("proxyid") or host["proxy_hostid"])


def stored(admin: Zabbix, guest: str) -> list[int]:
    """The numbers in the item's history, in the order of their clocks."""
    items = admin.read(
        "item.get", host=guest, filter={"key_": guest_memory.CURRENT.zabbix_key}, output=["itemid"]
    )
    if not items:
        return []
    assert len(items) == 1
    history = admin.read(
        "history.get", history=0, itemids=[items[0]["itemid"]], sortfield=["clock"], output="extend"
    )
    return [int(float(r["value"])) for r in sorted(history, key=lambda r: (int(r["clock"]), int(r["ns"])))]


@contextmanager
def old_cache(lab: Lab) -> Iterator[None]:
    """The server learns nothing new.  Stopped while it is idle: it holds the cache's lock while it works."""

    def idle() -> int | None:
        for pid in lab.stack.processes.members("zabbix-server"):
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"configuration syncer" in title and b", idle " in title:
                return pid
        return None

    pid = lab.wait_until(idle, timeout=30, every=0.05)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_guest_moves_to_another_proxy_and_back_and_no_value_is_lost(
    lab: Lab, admin: Zabbix, nodes: tuple[Node, Node]
) -> None:
    guest, number = str(uuid.uuid4()), 0
    seen = []
    here, there = nodes

    def tick(*, arriving: bool = False) -> None:
        nonlocal number
        number += 1
        here.cycle(guest, HERE, number)
        there.cycle(guest, ARRIVING if arriving else LEFT, 0)
        time.sleep(EVERY)  # the pace of what is measured, not a wait for anything

    try:
        while number < MOST_BEFORE and not stored(admin, guest):
            tick()
        for _ in range(2):
            seen.append(row(admin, guest))
            with old_cache(lab):
                tick(arriving=True)
                here.cycle(guest, LEFT, 0)
                here, there = there, here
                for _ in range(int(LAG / EVERY)):
                    tick()
            for _ in range(VALUES_BETWEEN_MOVES):
                tick()
        seen.append(row(admin, guest))
        every = list(range(1, number + 1))
        wait_until(lambda: stored(admin, guest)[-number:] == every, timeout=60, every=1)
        assert stored(admin, guest)[-number:] == every
    finally:
        names = [guest, *(node.name for node in nodes)]
        for host in admin.read("host.get", filter={"host": names}, output=["hostid"]):
            admin.call("host.delete", host["hostid"])
    first, second, third = seen
    assert first
    assert second
    assert third
    assert first["hostid"] == second["hostid"] == third["hostid"]
    assert first["proxy"] == third["proxy"] != second["proxy"] != "0"
