"""What Argus knows of causes and symptoms is what Zabbix 7.0 shows: ranks, given and taken back."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from argus.correlator.following import MARK
from argus.correlator.thresholds import Policy
from argus.following import follow
from argus.routing.tree import everything
from argus.site import Site, ZabbixSource
from argus.sources import Together
from argus.store.models import IncidentRow
from argus.zabbix.api import Zabbix
from argus.zabbix.desired import HOST_GROUPS
from argus_agent.settings import Address
from argus_agent.zabbix_protocol import Value, exchange, sender_data, split_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.store.engine import Store
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.zabbix7

KEY = "trouble"
TRAPPER, UNSIGNED, TO_CAUSE, MESSAGE = 2, 3, 128, 4


@contextmanager
def troubled(admin: Zabbix, lab: Lab) -> Iterator[str]:
    """The event of a problem on a host of its own."""
    host = f"ranked-{uuid.uuid4()}"
    (group,) = admin.read("hostgroup.get", filter={"name": [HOST_GROUPS[0]]})
    (number,) = admin.call("host.create", host=host, groups=[{"groupid": group["groupid"]}])["hostids"]
    try:
        admin.call("item.create", hostid=number, name=KEY, key_=KEY, type=TRAPPER, value_type=UNSIGNED)
        admin.call("trigger.create", description=host, expression=f"last(/{host}/{KEY})>0")

        def problem() -> Any:  # the server may know of the item before it knows of the trigger
            data = sender_data([Value(host, KEY, "1", *split_time(time.time()))], time.time())
            exchange(Address(*lab.zabbix_server), data, 10)
            return admin.read("problem.get", hostids=[number])

        (row,) = lab.wait_until(problem, 60, every=1)
        yield str(row["eventid"])
    finally:
        admin.call("host.delete", number)


def write(store: Store, subject: str, event: str, cause: str = "") -> None:
    """An open incident; one with a cause was told by that."""
    with store.write() as session:
        row = IncidentRow(rule="r", subject=subject, phase="open", severity="HIGH", summary="", evidence={})
        row.since = row.seen_at = row.opened_at = time.time()
        row.events, row.cause_subject, row.cause_rule = [event], cause, "r" if cause else ""
        row.told_at = None if cause else row.since
        session.add(row)


def outlive(store: Store, subject: str) -> None:
    with store.write() as session:
        row = session.query(IncidentRow).filter_by(subject=subject).one()
        row.cause_rule, row.cause_subject, row.told_at = "", "", time.time()


def test_a_symptom_is_ranked_under_its_cause_until_it_outlives_it_or_a_person_says_no(
    lab7: Lab, store: Store
) -> None:
    token = lab7.stack.run / "zabbix7" / "token"
    source = ZabbixSource(lab7.zabbix_url, token, 10)
    site = Site(store, Together(()), Policy(), {}, everything(()), "me", zabbix=source)
    with (
        Zabbix.login(lab7.zabbix_url, lab7.env["ZABBIX_USER"], lab7.env["ZABBIX_PASSWORD"]) as admin,
        troubled(admin, lab7) as node,
        troubled(admin, lab7) as guest,
        troubled(admin, lab7) as other,
    ):

        def look() -> dict[str, str]:
            """Let Argus look once; the symptoms, each with its cause."""
            assert follow(site)
            fields = ["eventid", "cause_eventid"]
            rows = admin.read("problem.get", eventids=[guest, other], symptom=True, output=fields)
            return {row["eventid"]: row["cause_eventid"] for row in rows}

        write(store, "node", node)
        write(store, "guest", guest, cause="node")
        write(store, "other", other, cause="node")
        lab7.wait_until(lambda: len(look()) == 2, 30)  # the server ranks, a moment later
        assert look() == {guest: node, other: node}
        admin.call("event.acknowledge", eventids=[other], action=TO_CAUSE | MESSAGE, message="it is not")
        lab7.wait_until(lambda: set(look()) == {guest}, 30)
        outlive(store, "guest")
        lab7.wait_until(lambda: look() == {}, 30)
        (row,) = admin.read("event.get", eventids=[guest], selectAcknowledges=["message"])
        said = sorted(word["message"] for word in row["acknowledges"])
        assert said == [f"{MARK}a symptom of incident 1", f"{MARK}incident 2, of its own"], "each once"
