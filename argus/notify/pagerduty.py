"""PagerDuty: one alert an incident, triggered and resolved under the same key.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.notify.base import REQUIRED, Kind, Notification, option
from argus.notify.http import post

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"routing_key_file": REQUIRED, "url": "https://events.pagerduty.com/v2/enqueue", "limit": "100/1m"}
SUMMARY = 1024  # characters: longer ones are refused
DETAILS = 400_000  # bytes of the whole event; PagerDuty takes 512 KB
SEVERITIES = {"HIGH": "critical", "DISASTER": "critical", "AVERAGE": "error", "WARNING": "warning"}

ACTIONS = {Kind.RESOLVE.value: "resolve", Kind.ACK.value: "acknowledge"}


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """One integration key of one service."""

    name: str
    url: str
    key: str = field(repr=False)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``."""
        body = json.dumps(self._event(notification, with_details=True), sort_keys=True).encode()
        if len(body) > DETAILS:
            body = json.dumps(self._event(notification, with_details=False), sort_keys=True).encode()
        post(self.url, body, {"Content-Type": "application/json"}, f"pagerduty {self.name}")

    def probe(self) -> None:
        """See ``Probed``: the end of an alert that never was changes nothing.

        What PagerDuty accepts at first and drops later, a key that was deleted, is not seen.
        """
        event = {"routing_key": self.key, "dedup_key": "argus:probe", "event_action": "resolve"}
        body = json.dumps(event, sort_keys=True).encode()
        post(self.url, body, {"Content-Type": "application/json"}, f"pagerduty {self.name}")

    def _event(self, notification: Notification, *, with_details: bool) -> dict[str, Any]:
        event: dict[str, Any] = {
            "routing_key": self.key,
            "dedup_key": f"argus:{notification.uid}",
            "event_action": ACTIONS.get(notification.kind, "trigger"),
        }
        details = {**notification.evidence, "reason": notification.reason, "runbook": notification.runbook}
        event["payload"] = {
            "summary": (notification.headline or notification.summary)[:SUMMARY],
            "source": notification.subject,
            "severity": SEVERITIES.get(notification.severity, "info"),
            "class": notification.rule,
            "custom_details": details if with_details else {"note": "too long: see argus explain"},
        }
        return event


def make(name: str, options: Mapping[str, str]) -> PagerDuty:
    """Make the receiver of one ``pagerduty_configs`` entry."""
    return PagerDuty(name, options["url"], option(options, "routing_key_file"))
