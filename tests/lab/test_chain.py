"""The whole chain: what happens to a node or guest shows in Zabbix, is told by Argus, and mailed once."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from itertools import pairwise

import libvirt
import pytest
from prometheus_client.parser import text_string_to_metric_families

from argus.catalogue import allocation, guest_cpu, guest_info, ksm, thp
from argus.catalogue.model import Metric
from stack.components.guest_xml import GUESTS
from stack.components.zabbix_server import ZabbixServer
from stack.registry import AGENT1
from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

NODE = "lab-node1"
HUNG = "libvirtd_does_not_answer"
G1 = GUESTS[0]


def _value(lab: Lab, host: str, metric: Metric) -> str | None:
    """The newest value of an item, None while there is none."""
    with lab.zabbix() as api:
        items = api.item.get(host=host, filter={"key_": metric.zabbix_key}, output=["lastvalue", "lastclock"])
    return str(items[0]["lastvalue"]) if items and int(items[0]["lastclock"]) else None


def _problems(lab: Lab, host: str) -> set[str]:
    """The idents of the triggers of a host that are in problem now."""
    with lab.zabbix() as api:
        triggers = api.trigger.get(host=host, filter={"value": 1}, selectTags="extend", output=["value"])
    return {tag["value"] for trigger in triggers for tag in trigger["tags"] if tag["tag"] == "argus"}


def _open_incidents(lab: Lab) -> set[tuple[str, str]]:
    done = lab.run("argus", "incidents", "--format", "json")
    assert done.returncode == 0, done.stderr
    return {(row["rule"], row["subject"]) for row in json.loads(done.stdout)}


def _exported_open(lab: Lab, rule: str) -> float:
    """How many open incidents of a rule /metrics tells."""
    with urllib.request.urlopen(lab.argus_metrics_url, timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    samples = [sample for family in families if family.name == "argus_incidents" for sample in family.samples]
    wanted = {"rule": rule, "state": "open"}
    return sum(sample.value for sample in samples if wanted.items() <= sample.labels.items())


def _mails(lab: Lab, after: int, rule: str, kind: str) -> list[EmailMessage]:
    """The mails of a rule about the node; `kind` is the word in the Message-ID: open or resolve."""
    found = [
        mail for mail in lab.mails(after) if mail["X-Argus-Rule"] == rule and NODE in str(mail["Subject"])
    ]
    return [mail for mail in found if f".{kind}@" in str(mail["Message-ID"])]


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_the_node_and_its_guests_have_values(lab: Lab) -> None:
    for metric in (ksm.RUN, thp.ENABLED, allocation.VCPU_RATIO, allocation.RUNNING):
        lab.wait_until(lambda metric=metric: _value(lab, NODE, metric), 60)  # type: ignore[misc] # lambda default
    for guest in GUESTS:
        lab.wait_until(lambda guest=guest: _value(lab, guest.uuid, guest_cpu.TIME), 60)  # type: ignore[misc] # same


def test_a_hung_libvirtd_is_one_incident_with_a_mail_at_each_end(lab: Lab) -> None:
    before = len(lab.mails())
    pid = lab.stack.processes.pid(NODE)
    assert pid is not None
    with _stopped(pid):
        mail = lab.wait_until(lambda: _mails(lab, before, HUNG, "open"), 120)[0]
        assert "libvirtd" in str(mail["Subject"])
        assert (HUNG, NODE) in _open_incidents(lab)
        assert _exported_open(lab, HUNG) == 1
        assert _value(lab, NODE, ksm.RUN) is not None  # the node itself goes on reporting
    resolved = lab.wait_until(lambda: _mails(lab, before, HUNG, "resolve"), 120)[0]
    assert resolved["In-Reply-To"] == mail["Message-ID"]
    assert (HUNG, NODE) not in _open_incidents(lab)
    assert _exported_open(lab, HUNG) == 0
    assert [len(_mails(lab, before, HUNG, kind)) for kind in ("open", "resolve")] == [1, 1]


def test_a_destroyed_guest_is_a_problem_and_leaves_the_counts(lab: Lab) -> None:
    running = lab.wait_until(lambda: _value(lab, NODE, allocation.RUNNING), 60)
    assert running is not None
    with lab.libvirt() as connection:
        domain = connection.lookupByUUIDString(G1.uuid)
        domain.destroy()
        try:
            lab.wait_until(lambda: "guest_not_running" in _problems(lab, G1.uuid), 60)
            lab.wait_until(lambda: _value(lab, NODE, allocation.RUNNING) == str(int(running) - 1), 60)
        finally:
            domain.create()
    lab.wait_until(lambda: "guest_not_running" not in _problems(lab, G1.uuid), 60)
    lab.wait_until(lambda: _value(lab, NODE, allocation.RUNNING) == running, 60)


def _history(lab: Lab, host: str, metric: Metric, since: int) -> list[int]:
    """Clocks of the stored values, oldest first."""
    with lab.zabbix() as api:
        item = api.item.get(host=host, filter={"key_": metric.zabbix_key}, output=["value_type"])[0]
        rows = api.history.get(
            itemids=item["itemid"], history=item["value_type"], time_from=since, sortfield="clock"
        )
    return [int(row["clock"]) for row in rows]


def _identity(lab: Lab) -> tuple[str, str]:
    with lab.zabbix() as api:
        (host,) = api.host.get(filter={"host": G1.uuid}, output=["hostid"])
        (item,) = api.item.get(
            hostids=host["hostid"], filter={"key_": guest_cpu.TIME.zabbix_key}, output=["itemid"]
        )
    return str(host["hostid"]), str(item["itemid"])


def _migrate(lab: Lab, source: str, target: str) -> None:
    """Move g1 live, over a socket that both network namespaces reach; the disk images are shared."""
    flags = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
    parameters = {libvirt.VIR_MIGRATE_PARAM_URI: f"unix://{lab.stack.run}/migration.sock"}
    with lab.libvirt(source) as here, lab.libvirt(target) as there:
        domain = here.lookupByUUIDString(G1.uuid)
        # UNSAFE: one disk is cached, which is safe here because both nodes share one page cache.
        domain.migrate3(there, parameters, flags | libvirt.VIR_MIGRATE_UNSAFE)


def test_a_migrated_guest_keeps_its_zabbix_host_and_history(lab: Lab) -> None:
    before, begin = _identity(lab), int(time.time())
    with lab.second_node() as second:
        _migrate(lab, lab.libvirt_uri, second)
        try:
            moved = int(time.time())
            lab.wait_until(lambda: _value(lab, G1.uuid, guest_info.NODE) == "lab-node2", 90)
            lab.wait_until(lambda: max(_history(lab, G1.uuid, guest_cpu.TIME, moved), default=0), 60)
            assert _identity(lab) == before
            clocks = _history(lab, G1.uuid, guest_cpu.TIME, begin - 120)
            assert min(clocks) < begin < moved <= max(clocks)
            assert "guest_not_running" not in _problems(lab, G1.uuid)
            assert _value(lab, NODE, allocation.RUNNING) == str(len(GUESTS) - 1)
        finally:
            _migrate(lab, second, lab.libvirt_uri)
    lab.wait_until(lambda: _value(lab, G1.uuid, guest_info.NODE) == NODE, 90)
    assert _identity(lab) == before


def _gaps(lab: Lab, since: int) -> list[int]:
    """Seconds between the stored values of the node, from a while before `since`."""
    clocks = _history(lab, NODE, ksm.RUN, since - 30)
    return [later - earlier for earlier, later in pairwise(clocks)]


@contextmanager
def _zabbix_away(lab: Lab) -> Iterator[None]:
    server = ZabbixServer()
    server.stop(lab.stack)
    try:
        yield
    finally:
        server.start(lab.stack)


def _wait(lab: Lab, seconds: float) -> None:
    begin = time.monotonic()
    lab.wait_until(lambda: time.monotonic() - begin > seconds, seconds + 10)


def test_zabbix_away_for_a_while_loses_no_value(lab: Lab) -> None:
    begin = int(time.time())
    with _zabbix_away(lab):
        _wait(lab, 30)
    back = int(time.time())
    lab.wait_until(lambda: max(_history(lab, NODE, ksm.RUN, begin), default=0) > back + 10, 90)
    gaps = _gaps(lab, begin)
    assert max(gaps) <= 7, f"the agent measures every 5 s; gaps: {gaps}"


def test_an_agent_killed_while_zabbix_is_away_loses_only_the_time_it_was_dead(lab: Lab) -> None:
    begin = int(time.time())
    with _zabbix_away(lab):
        _wait(lab, 20)
        lab.stack.processes.stop(AGENT1.name, signal.SIGKILL)
        killed = int(time.time())
        AGENT1.start(lab.stack)
        started = int(time.time())
        _wait(lab, 10)
    back = int(time.time())
    lab.wait_until(lambda: max(_history(lab, NODE, ksm.RUN, begin), default=0) > back + 10, 120)
    clocks = _history(lab, NODE, ksm.RUN, begin - 30)
    holes = [(one, other) for one, other in pairwise(clocks) if other - one > 7]
    assert len(holes) <= 1, f"values are missing: {holes}, killed at {killed}, back at {started}"
    assert all(one >= killed - 7 and other <= started + 12 for one, other in holes)
