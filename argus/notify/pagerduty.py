"""PagerDuty: one alert an incident, triggered and resolved under the same key.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError
from argus.notify import pagerduty_keys
from argus.notify.base import REQUIRED, Kind, Notification, option
from argus.notify.http import host, post

if TYPE_CHECKING:
    from collections.abc import Mapping

URL = "https://events.pagerduty.com/v2/enqueue"
OPTIONS = {
    "routing_key_file": REQUIRED,
    "url": URL,
    "limit": "100/1m",
    "api_token_file": "",
    "api_url": "https://api.pagerduty.com",
}
KEY = re.compile(r"[0-9A-Za-z]{32}")  # what PagerDuty itself asks of a key
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
    api_url: str = ""
    api_token: str = field(default="", repr=False)

    @property
    def server(self) -> str:
        """See ``Served``."""
        return host(self.url)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``."""
        body = json.dumps(self._event(notification, with_details=True), sort_keys=True).encode()
        if len(body) > DETAILS:
            body = json.dumps(self._event(notification, with_details=False), sort_keys=True).encode()
        post(self.url, body, {"Content-Type": "application/json"}, f"pagerduty {self.name}")

    def probe(self) -> None:
        """See ``Probed``: the end of an alert that never was changes nothing.

        PagerDuty accepts a key that is well formed and drops what comes under it when it belongs to nothing:
        that is seen only with a token that may list services.
        """
        if self.api_token:
            pagerduty_keys.check(self.api_url, self.api_token, self.key, f"pagerduty {self.name}")
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
    """Make the receiver of one ``pagerduty_configs`` entry.  Raises ``ArgusError`` for a key of no form."""
    key = option(options, "routing_key_file")
    if options["url"] == URL and not KEY.fullmatch(key):
        file = options["routing_key_file"]
        raise ArgusError(
            f"routing_key_file: {file} holds no integration key of the Events API v2: 32 letters and digits"
        )
    token = option(options, "api_token_file") if options["api_token_file"] else ""
    return PagerDuty(name, options["url"], key, options["api_url"].rstrip("/"), token)
