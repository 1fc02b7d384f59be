"""Identities that never change: the same path gives the same UUID in every release."""

from __future__ import annotations

import hashlib
import uuid


def stable_uuid(*path: str) -> str:
    """Return 32 hex digits shaped as a version-4 UUID, derived from ``path``.

    Zabbix matches imported objects by UUID and refuses other versions (``CApiInputValidator::validateUuid``),
    so ``uuid5()`` will not do.  A path must never change or be used for something else: history hangs on it.
    """
    digest = hashlib.sha256("/".join(("argus", *path)).encode()).digest()
    return uuid.UUID(bytes=digest[:16], version=4).hex
