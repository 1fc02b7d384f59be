"""Whoever acknowledges in Argus or in Zabbix has acknowledged in both."""

from __future__ import annotations

import json
import os
import signal
import time
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from argus.correlator.following import MARK
from argus.store.engine import open_store
from argus.store.models import IncidentRow
from stack.components.guest_xml import GUESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab

ACKNOWLEDGE, MESSAGE = 2, 4


@contextmanager
def crashed(lab: Lab, uuid: str) -> Iterator[None]:
    """A guest whose QEMU was killed; it is started again."""
    with lab.libvirt() as connection:
        domain = connection.lookupByUUIDString(uuid)
        status = lab.stack.run / "lab-node1" / "run" / "qemu" / f"{domain.name()}.xml"
        os.kill(int(ET.fromstring(status.read_text()).attrib["pid"]), signal.SIGKILL)
        try:
            yield
        finally:
            lab.wait_until(lambda: not domain.isActive(), 30)
            domain.create()
            lab.wait_until(lambda: incident_of(lab, uuid) is None, 120)


def incident_of(lab: Lab, uuid: str) -> dict[str, Any] | None:
    done = lab.run("argus", "incidents", "--format", "json")
    rows = json.loads(done.stdout)
    return next((row for row in rows if (row["rule"], row["subject"]) == ("guest_is_broken", uuid)), None)


def events(lab: Lab, number: int) -> list[str]:
    store = open_store(lab.database_url)
    try:
        with store.read() as session:
            return list(session.get_one(IncidentRow, number).events)
    finally:
        store.engine.dispose()


def test_an_acknowledgement_in_argus_is_one_in_zabbix(lab: Lab) -> None:
    uuid = GUESTS[0].uuid
    with crashed(lab, uuid):
        row = lab.wait_until(lambda: incident_of(lab, uuid), 120)
        assert row
        done = lab.run("argus", "ack", str(row["id"]), "--author", "ann")
        assert done.returncode == 0, done.stderr
        with lab.zabbix() as api:

            def said() -> list[str]:
                rows = api.event.get(eventids=events(lab, row["id"]), select_acknowledges="extend")
                return [word["message"] for each in rows for word in each["acknowledges"]]

            words = lab.wait_until(said, 60)
        assert words == [f"{MARK}acknowledged by ann (incident {row['id']})"]


def test_an_acknowledgement_in_zabbix_is_one_in_argus(lab: Lab) -> None:
    uuid = GUESTS[1].uuid
    with crashed(lab, uuid):
        row = lab.wait_until(lambda: incident_of(lab, uuid), 120)
        assert row
        with lab.zabbix() as api:
            for _ in range(2):  # a second one changes nothing
                api.event.acknowledge(
                    eventids=events(lab, row["id"]),
                    action=ACKNOWLEDGE | MESSAGE,
                    message=f"{time.time()}",
                )
        acked = lab.wait_until(lambda: (incident_of(lab, uuid) or {}).get("acked_by"), 60)
        assert str(acked).endswith("in Zabbix")
        told = lab.run("argus", "explain", str(row["id"]), "--format", "json")
        decisions = [each["what"] for each in json.loads(told.stdout)["decisions"]]
        assert decisions.count("acknowledged") == 1
