"""JSON to a URL of yours, signed: the whole incident, under a schema version and an idempotency key."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus.notify.base import REQUIRED, Notification, option
from argus.notify.http import post

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"url": REQUIRED, "secret_file": ""}
SCHEMA = "argus.incident/1"


@dataclass(frozen=True, slots=True)
class Webhook:
    """``secret`` signs: ``X-Argus-Signature: sha256=`` HMAC-SHA256 of the body in hex."""

    name: str
    url: str
    secret: str = field(default="", repr=False)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``; any 2xx counts as accepted."""
        body = json.dumps({"schema": SCHEMA, **notification.payload()}, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "argus",
            "Idempotency-Key": notification.key,
        }
        if self.secret:
            signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Argus-Signature"] = f"sha256={signature}"
        post(self.url, body, headers, f"webhook {self.name}")


def make(name: str, options: Mapping[str, str]) -> Webhook:
    """Make the receiver of one ``webhook_configs`` entry."""
    secret = option(options, "secret_file") if options.get("secret_file") else ""
    return Webhook(name, options["url"], secret)
