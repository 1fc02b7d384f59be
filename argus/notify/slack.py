"""Slack, and whatever speaks its incoming webhooks (Mattermost, Rocket.Chat).

https://api.slack.com/messaging/webhooks
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.notify.base import REQUIRED, Kind, Notification, NotifyError, option
from argus.notify.http import host, post
from argus.notify.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPTIONS = {"api_url_file": REQUIRED, "limit": "30/1m"}
NO_TEXT = 400
TEXT = 2500  # characters of one text; Slack takes 3000
PART = 1100  # of them for the evidence, and for the runbook
COLOURS = {"HIGH": "danger", "DISASTER": "danger", "AVERAGE": "danger", "WARNING": "warning"}
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
MARKS = re.compile(r"[\\`*\[\]~|]|(?<![^\W_])_|_(?![^\W_])|^(?=#)", re.MULTILINE)
"""What Markdown makes something of; an underscore within a word is one."""


@dataclass(frozen=True, slots=True)
class Slack:
    """One incoming webhook; its URL is the secret.  ``zabbix_url`` is where people look further."""

    name: str
    url: str = field(repr=False)
    zabbix_url: str = ""

    @property
    def server(self) -> str:
        """See ``Served``."""
        return host(self.url)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``.  Slack has no idempotency key: a retry after a lost answer may show twice."""
        resolved = notification.kind == Kind.RESOLVE.value
        foot = f"incident {notification.incident_id}, rule {notification.rule}, {notification.uid}"
        head = self._safe(notification.line)
        attachment = {
            "color": "good" if resolved else COLOURS.get(notification.severity, "#439FE0"),
            "fallback": head,
            "text": "\n\n".join(self._safe(each, PART) for each in _sections(notification))[:TEXT],
            "footer": self._safe(foot),
        }
        if self.zabbix_url:
            attachment["title"] = "Problems in Zabbix"
            attachment["title_link"] = f"{self.zabbix_url.rstrip('/')}/zabbix.php?action=problem.view"
        body = json.dumps({"text": head, "attachments": [attachment]}).encode()
        post(self.url, body, {"Content-Type": "application/json"}, f"slack {self.name}")

    def probe(self) -> None:
        """See ``Probed``: a message without text is refused (400) after the URL was found good."""
        try:
            post(self.url, b"{}", {"Content-Type": "application/json"}, f"slack {self.name}")
        except NotifyError as exc:
            if exc.code != NO_TEXT:
                raise

    def _safe(self, text: str, most: int = TEXT) -> str:
        markdown = not self.server.partition(":")[0].endswith(("slack.com", "slack-gov.com"))
        return safe(text, most, markdown=markdown)


def make(name: str, options: Mapping[str, str]) -> Slack:
    """Make the receiver of one ``slack_configs`` entry."""
    return Slack(name, option(options, "api_url_file"), options.get("zabbix_url", ""))


def _sections(notification: Notification) -> Iterator[str]:
    """Yield what stands below the headline: what is known, how it ended or what to do, and where to look."""
    yield "\n".join(f"{name}: {value}" for name, value in notification.evidence.items())
    lines = [f"Why: {notification.reason}", f"argus explain {notification.incident_id}"]
    if notification.resolved_at is not None:
        lines.insert(0, f"Lasted {duration(notification.resolved_at - notification.opened_at)}")
    yield "\n".join(line[: PART // 4] for line in lines)
    if notification.kind != Kind.RESOLVE.value and notification.runbook:
        yield notification.runbook


def safe(text: str, most: int, *, markdown: bool) -> str:
    """Return text that rings nobody and looks as it was written, of at most ``most`` characters.

    A guest may be called <!channel>: https://api.slack.com/reference/surfaces/formatting#escaping.
    Mattermost and Rocket.Chat take @all as well, and ``markdown``, whose marks a backslash makes letters
    again; Slack knows no backslash.
    """
    parts: list[str] = []
    length = 0
    for letter in _quiet(text, markdown=markdown):
        part = ENTITIES.get(letter, letter)
        if length + len(part) >= most:
            parts.append("…")
            break
        parts.append(part)
        length += len(part)
    return "".join(parts)


def _quiet(text: str, *, markdown: bool) -> str:
    text = text.replace("@", "@\u200b")  # with nothing to be seen after it, it is no mention
    return MARKS.sub(lambda found: f"\\{found[0]}", text) if markdown else text
