"""Passwords of probes: read from a file at each round, so that a changed one counts at once."""

from __future__ import annotations

from pathlib import Path

from argus.probes.wire import BlindError


def password(file: str) -> str:
    """Return the content of a file without the line end; empty without a file.  Raises ``BlindError``."""
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or "not UTF-8"
        raise BlindError(f"cannot read password_file {file}: {why}") from None
