"""The long tail: whatever the library apprise can reach, Matrix, Teams, Telegram, ntfy and a hundred more.

https://github.com/caronc/apprise/wiki; ``pip install argus[apprise]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError
from argus.notify.base import REQUIRED, Kind, Notification, NotifyError, option

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"url_file": REQUIRED, "limit": "30/10m"}
TYPES = {"HIGH": "failure", "DISASTER": "failure", "AVERAGE": "failure", "WARNING": "warning"}


@dataclass(frozen=True, slots=True)
class Apprise:
    """One or several services behind apprise's URLs; the URLs are the secret."""

    name: str
    services: Any = field(repr=False)

    def send(self, notification: Notification, _address: str) -> None:
        """See ``Receiver``.  Apprise says only yes or no: any failure is tried again, and may show twice."""
        resolved = notification.kind == Kind.RESOLVE.value
        lines = [notification.summary, *(f"{name}: {value}" for name, value in notification.evidence.items())]
        lines.append(f"argus explain {notification.incident_id}")
        try:
            taken = self.services.notify(
                title=notification.line,
                body="\n".join(lines),
                notify_type="success" if resolved else TYPES.get(notification.severity, "info"),
                body_format="text",
                interpret_escapes=False,
            )
        except (TypeError, TimeoutError) as exc:
            raise NotifyError(f"apprise {self.name}: {type(exc).__name__}", maybe_sent=True) from None
        if not taken:
            raise NotifyError(f"apprise {self.name}: a service did not take it", maybe_sent=True)


def make(name: str, options: Mapping[str, str]) -> Apprise:
    """Make the receiver of one ``apprise_configs`` entry.  Raises ``ArgusError``."""
    text = option(options, "url_file")
    try:
        import apprise  # noqa: PLC0415  # an extra: only who uses it needs it
    except ImportError:
        raise ArgusError("apprise_configs needs the library apprise: pip install 'argus[apprise]'") from None
    services = apprise.Apprise()
    for number, line in enumerate(text.splitlines(), start=1):
        url = line.strip()
        if url and not url.startswith("#") and not services.add(url):
            raise ArgusError(f"url_file: {options['url_file']}:{number} is no URL that apprise knows")
    return Apprise(name, services)
