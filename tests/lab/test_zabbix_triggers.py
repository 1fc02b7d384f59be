"""Every trigger of every template fires and recovers in a real Zabbix, each on a host of its own."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from trigger_cases import APART, CASES, SAMPLES, TRIGGERS, documents

from argus.render.names import master_key, template_name
from argus.zabbix.api import Zabbix
from argus_agent.config import Address
from argus_agent.zabbix_protocol import Value, exchange, parse_taken, sender_data, split_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.conftest import Lab

# The values have clocks of hours ago, five minutes apart: no test waits until ten minutes have passed.
FIRST_AT, TROUBLE_AT, PEACE_AT = -24 * 3600.0, -4 * 3600.0, -2 * 3600.0
NODATA = (
    "{$ARGUS.NODE.NODATA}",
    "{$ARGUS.CORRELATOR.NODATA}",
    "{$ARGUS.SERVICE.NODATA}",
    "{$ARGUS.FLEET.NODATA}",
)
SILENCE = "10s"  # short of the half minute after which the server looks at silence each time
SILENT = [ident for ident, case in CASES.items() if not case.trouble]
PROBLEM, WELL = "1", "0"


@dataclass(frozen=True, slots=True)
class Hosts:
    """One host a trigger, by its ident; only this test and administrators see them."""

    lab: Lab
    zabbix: Zabbix
    prefix: str
    ids: dict[str, str]  # hostid by ident

    def send(self, series: dict[str, list[dict[str, Any]]], at: float, *, as_case: bool = False) -> bool:
        """Send each host its documents, five minutes apart, or as its case says; whether all were taken.

        The last ones are of one time, so that those that are farther apart begin earlier.
        """
        begun = {ident: (SAMPLES - 1) * (CASES[ident].apart - APART) if as_case else 0.0 for ident in series}
        values = [
            Value(
                f"{self.prefix}-{ident}",
                master_key(TRIGGERS[ident].metrics[0].entity.host),
                json.dumps(document),
                *split_time(at - begun[ident] + number * (CASES[ident].apart if as_case else APART)),
            )
            for ident, some in series.items()
            for number, document in enumerate(some)
        ]
        reply = exchange(Address(*self.lab.zabbix_server), sender_data(values, time.time()), 30)
        return parse_taken(reply).failed == 0

    def values(self) -> dict[str, str]:
        """The value of each host's own trigger; none where it is yet to be discovered."""
        rows = self.zabbix.read(
            "trigger.get",
            hostids=list(self.ids.values()),
            output=["value"],
            selectTags="extend",
            selectHosts=["hostid"],
        )
        by_host = {hostid: ident for ident, hostid in self.ids.items()}
        found = {}
        for row in rows:
            ident = by_host[row["hosts"][0]["hostid"]]
            if {"tag": "argus", "value": ident} in row["tags"]:
                found[ident] = str(row["value"])
        return found

    def wait(self, wanted: str, seconds: float) -> None:
        """Until all triggers have had the value; says which have not."""
        late: set[str] = set(CASES)

        def all_were() -> bool:
            values = self.values()
            late.difference_update([ident for ident in late if values.get(ident) == wanted])
            return not late

        try:
            self.lab.wait_until(all_were, timeout=seconds, every=2)
        except AssertionError:
            pytest.fail(f"{'did not fire' if wanted == PROBLEM else 'not well'}: {sorted(late)}")


@pytest.fixture
def hosts(each_zabbix: Lab) -> Iterator[Hosts]:
    lab = each_zabbix
    login = (lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"])
    prefix = f"trigger-{secrets.token_hex(4)}"
    with Zabbix.login(*login, timeout=120) as zabbix:
        (groupid,) = zabbix.call("hostgroup.create", name=prefix)["groupids"]
        try:
            yield Hosts(lab, zabbix, prefix, _made(zabbix, prefix, groupid))
        finally:
            made = zabbix.read("host.get", groupids=[groupid], output=["hostid"])
            if made:
                zabbix.call("host.delete", *(row["hostid"] for row in made))
            zabbix.call("hostgroup.delete", groupid)


def _made(zabbix: Zabbix, prefix: str, groupid: str) -> dict[str, str]:
    kinds = {trigger.metrics[0].entity.host for trigger in TRIGGERS.values()}
    rows = zabbix.read("template.get", filter={"host": list(map(template_name, kinds))}, output=["host"])
    templates = {row["host"]: row["templateid"] for row in rows}
    bodies = [
        {
            "host": f"{prefix}-{ident}",
            "groups": [{"groupid": groupid}],
            "templates": [{"templateid": templates[template_name(TRIGGERS[ident].metrics[0].entity.host)]}],
            "macros": [{"macro": name, "value": SILENCE if ident in SILENT else "1d"} for name in NODATA],
        }
        for ident in CASES
    ]
    return dict(zip(CASES, zabbix.call("host.create", *bodies)["hostids"], strict=True))


def test_every_trigger_fires_and_recovers(hosts: Hosts) -> None:
    lab, now = hosts.lab, time.time()
    peace = {ident: documents(ident, case.peace) for ident, case in CASES.items()}
    trouble = {ident: documents(ident, case.trouble) for ident, case in CASES.items() if case.trouble}
    first = {ident: some[:1] for ident, some in peace.items()}
    # What is discovered comes of a list that Zabbix 7.0 sometimes loses the first time.
    lab.wait_until(
        lambda: hosts.send(first, now + FIRST_AT) and hosts.values().keys() == CASES.keys(),
        timeout=90,
        every=3,
    )
    lab.wait_until(lambda: hosts.send(trouble, now + TROUBLE_AT, as_case=True), timeout=30)
    hosts.wait(PROBLEM, 150)
    assert hosts.send({ident: peace[ident][:1] for ident in SILENT}, time.time())
    assert hosts.send({ident: some for ident, some in peace.items() if ident not in SILENT}, now + PEACE_AT)
    hosts.wait(WELL, 60)
