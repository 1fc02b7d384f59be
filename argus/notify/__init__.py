"""Receivers by kind; a new kind is one line here and one module, imported only where it is configured.

A module offers ``OPTIONS`` (name -> default) and ``make(name, options)``.  Mail is different: its server is
in ``argus.conf``, so that it works without ``routes.yaml``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from argus.errors import ArgusError
from argus.notify.base import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from argus.notify.base import Receiver

RECEIVERS = {
    "apprise": "argus.notify.apprise",
    "pagerduty": "argus.notify.pagerduty",
    "slack": "argus.notify.slack",
    "webhook": "argus.notify.webhook",
}
HEAR_UPDATES = frozenset({"email", *RECEIVERS})
# PagerDuty keeps an alert an incident and groups by itself: its limit delays, the others' makes a digest.
HEAR_DIGESTS = HEAR_UPDATES - {"pagerduty"}
HEAR_ACKS = frozenset(RECEIVERS)  # a mail that somebody looks after it helps nobody
EMAIL_OPTIONS = {"to": REQUIRED, "limit": "30/10m"}
COMMON = {"title": ""}  # of every kind; ``limit`` has a default for each


def options() -> dict[str, Mapping[str, str]]:
    """Return what may be set of each kind of receiver, with the defaults."""
    kinds = {
        "email": EMAIL_OPTIONS,
        **{kind: import_module(path).OPTIONS for kind, path in RECEIVERS.items()},
    }
    return {kind: {**COMMON, **known} for kind, known in kinds.items()}


def made(conf: Any, targets: Mapping[str, Mapping[str, str]]) -> dict[str, Receiver]:
    """Return receivers: by target (``kind:name``), and mail by its kind for all addresses.

    Raises ``ArgusError`` for secrets that cannot be read: all of them at once.
    """
    receivers: dict[str, Receiver] = {}
    mistakes: list[str] = []
    for target, options in targets.items():
        kind, _, name = target.partition(":")
        if kind in RECEIVERS:
            try:
                receivers[target] = import_module(RECEIVERS[kind]).make(
                    name, {**options, "zabbix_url": conf.zabbix.url}
                )
            except ArgusError as exc:
                mistakes.append(f"receiver {target}: {exc}")
    if mistakes:
        raise ArgusError("\n".join(mistakes))
    if conf.smtp.recipients or any(target.startswith("email:") for target in targets):
        from argus.notify import email  # noqa: PLC0415  # only who sends mail needs it

        receivers["email"] = email.from_config(conf)
    return receivers
