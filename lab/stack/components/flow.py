"""The proof that the parts work together: values in Zabbix, an incident in Argus, a mail in the mailbox."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.components.argus_setup import config_env
from stack.components.zabbix_web import zabbix_url
from stack.errors import DownError, LabError
from stack.zabbix_api import ZabbixError, open_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.lab import Lab

STALE_AFTER = 60  # seconds; the agent of the lab sends every 5
# How long the first of each may take after the daemons are up.
VALUES_SECONDS = 120
INCIDENT_SECONDS = 180
MAIL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Values:
    """What Zabbix holds about the hosts that Argus registered."""

    nodes: int
    guests: int
    newest: float  # seconds since the newest value; infinite when there is none


class Flow:
    name = "flow"

    def __init__(self, guests: int) -> None:
        self._guests = guests  # that must show up in Zabbix
        self.needs = ("agent", "worker", "beat", "exporter", "guests")

    def start(self, lab: Lab) -> str:
        self._reach(lab, VALUES_SECONDS, "values of the node and its guests in Zabbix", self._has_values)
        if self._guests:  # ours fill their node on purpose; somebody else's may be well
            self._reach(lab, INCIDENT_SECONDS, "an incident in Argus", lambda lab: len(incidents(lab)))
            self._reach(lab, MAIL_SECONDS, "a mail", mails)
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        try:
            now = values(lab)
            known = incidents(lab)
        except (ZabbixError, LabError) as failure:
            raise DownError(str(failure)) from None
        line = (
            f"{now.nodes} nodes and {now.guests} guests in Zabbix, newest value {now.newest:.0f} s old; "
            f"{len(known)} incidents, {mails(lab)} mails"
        )
        if now.newest > STALE_AFTER:
            raise DownError(line)
        return line

    def stop(self, lab: Lab) -> None:
        """Nothing of its own runs."""

    def _has_values(self, lab: Lab) -> bool:
        now = values(lab)
        return now.nodes >= 1 and now.guests >= self._guests and now.newest <= STALE_AFTER

    def _reach(self, lab: Lab, seconds: float, what: str, reached: Callable[[Lab], object]) -> None:
        begin = time.monotonic()
        if not lab.wait_until(lambda: reached(lab), seconds, every=1):
            raise LabError(f"no sign of {what} after {seconds:g} s; look at the logs in {lab.run / 'log'}")
        lab.say(f"{what}: there after {time.monotonic() - begin:.0f} s")


def values(lab: Lab) -> Values:
    """Ask Zabbix for hosts with values, in the groups that `argus zabbix apply` makes. Raises ZabbixError."""
    with open_api(zabbix_url(lab)) as api:
        groups = {group["name"]: group["groupid"] for group in api.hostgroup.get(output=["groupid", "name"])}
        clocks = {}
        for name in ("Argus/Nodes", "Argus/Guests"):
            found = api.item.get(groupids=groups.get(name, []), output=["hostid", "lastclock"])
            clocks[name] = {item["hostid"]: 0 for item in found}
            for item in found:
                known = clocks[name][item["hostid"]]
                clocks[name][item["hostid"]] = max(known, int(item["lastclock"]))
    newest = max((clock for hosts in clocks.values() for clock in hosts.values()), default=0)
    alive = {name: sum(clock > 0 for clock in hosts.values()) for name, hosts in clocks.items()}
    age = time.time() - newest if newest else float("inf")
    return Values(alive["Argus/Nodes"], alive["Argus/Guests"], max(age, 0))


def incidents(lab: Lab) -> list[dict[str, object]]:
    """What `argus incidents` lists, as its users see it."""
    out = lab.command("incidents", [lab.bin("argus"), "incidents", "--format", "json"], env=config_env(lab))
    listed: list[dict[str, object]] = json.loads(out)
    return listed


def mails(lab: Lab) -> int:
    return len(list((lab.run / "mail").glob("*.eml")))
