"""Slack, and whatever speaks its incoming webhooks (Mattermost, Rocket.Chat).

https://api.slack.com/messaging/webhooks
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.notify.base import REQUIRED, Kind, Notification, NotifyError, option
from argus.notify.http import post

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"api_url_file": REQUIRED, "limit": "30/1m"}
NO_TEXT = 400
TEXT = 2500  # characters of one section; Slack takes 3000
COLOURS = {"HIGH": "danger", "DISASTER": "danger", "AVERAGE": "danger", "WARNING": "warning"}


@dataclass(frozen=True, slots=True)
class Slack:
    """One incoming webhook; its URL is the secret."""

    name: str
    url: str = field(repr=False)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``.  Slack has no idempotency key: a retry after a lost answer may show twice."""
        resolved = notification.kind == Kind.RESOLVE.value
        head = notification.line
        lines = "\n".join(f"{name}: {value}" for name, value in notification.evidence.items())
        foot = f"incident {notification.incident_id}, rule {notification.rule}, {notification.uid}"
        attachment = {
            "color": "good" if resolved else COLOURS.get(notification.severity, "#439FE0"),
            "fallback": _safe(head),
            "text": _safe(lines)[:TEXT],
            "footer": _safe(foot),
        }
        body = json.dumps({"text": _safe(head)[:TEXT], "attachments": [attachment]}).encode()
        post(self.url, body, {"Content-Type": "application/json"}, f"slack {self.name}")

    def probe(self) -> None:
        """See ``Probed``: a message without text is refused (400) after the URL was found good."""
        try:
            post(self.url, b"{}", {"Content-Type": "application/json"}, f"slack {self.name}")
        except NotifyError as exc:
            if exc.code != NO_TEXT:
                raise


def make(name: str, options: Mapping[str, str]) -> Slack:
    """Make the receiver of one ``slack_configs`` entry."""
    return Slack(name, option(options, "api_url_file"))


def _safe(text: str) -> str:
    """A guest may be called <!channel>: https://api.slack.com/reference/surfaces/formatting#escaping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
