"""JSON to a URL of yours, signed: the whole incident, under a schema version and an idempotency key."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.notify.base import REQUIRED, Notification, NotifyError, option
from argus.notify.http import host, post

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"url": REQUIRED, "secret_file": "", "limit": "none", "probe": "true"}
NO_PROBES = {400, 422}  # of a server that knows who we are, and does not know probes
SCHEMA = "argus.incident/1"


@dataclass(frozen=True, slots=True)
class Webhook:
    """``secret`` signs: ``X-Argus-Signature: sha256=`` HMAC-SHA256 of the body in hex."""

    name: str
    url: str
    secret: str = field(default="", repr=False)
    probes: bool = True

    @property
    def server(self) -> str:
        """See ``Served``."""
        return host(self.url)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``; any 2xx counts as accepted."""
        self._post({"schema": SCHEMA, **notification.payload()}, notification.key)

    def probe(self) -> None:
        """See ``Probed``: a document of kind ``probe``, signed like any other; ``probe: false`` leaves it."""
        if not self.probes:
            return
        try:
            self._post({"schema": SCHEMA, "kind": "probe"}, "probe")
        except NotifyError as exc:
            if exc.code not in NO_PROBES:
                raise

    def _post(self, document: Mapping[str, Any], key: str) -> None:
        body = json.dumps(document, sort_keys=True).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "argus", "Idempotency-Key": key}
        if self.secret:
            signature = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Argus-Signature"] = f"sha256={signature}"
        post(self.url, body, headers, f"webhook {self.name}")


def make(name: str, options: Mapping[str, str]) -> Webhook:
    """Make the receiver of one ``webhook_configs`` entry."""
    secret = option(options, "secret_file") if options.get("secret_file") else ""
    return Webhook(name, options["url"], secret, options.get("probe", "true") == "true")
