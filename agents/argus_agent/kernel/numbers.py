"""Numbers in the kernel's files: what ``int`` and ``float`` take is more than the kernel writes."""

from __future__ import annotations

import re

INTEGER = r"-?[0-9]{1,20}"
"""64 bits have at most 20 digits; a longer one comes from a damaged file, and no float would hold it."""
_INTEGER = re.compile(INTEGER, re.ASCII)
_COUNT = re.compile(r"[0-9]{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{0,20})?", re.ASCII)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{1,16}", re.ASCII)


def parse_integer(text: str) -> int:
    """Return a decimal number of at most 64 bits.  Raises ``ValueError`` for anything else."""
    word = text.strip()
    if not _INTEGER.fullmatch(word):
        raise ValueError(f"{word[:80]!r} is not a whole number")
    return int(word)


def count(text: str | None) -> int | None:
    """Return a number without a sign, of at most 64 bits; ``None`` for anything else."""
    return int(text) if text and _COUNT.fullmatch(text) else None


def parse_decimal(text: str) -> float:
    """Return a number such as ``12.34``, which is never ``nan`` or ``inf``.  Raises ``ValueError``."""
    word = text.strip()
    if not _DECIMAL.fullmatch(word):
        raise ValueError(f"{word[:80]!r} is not a number")
    return float(word)


def parse_hexadecimal(text: str) -> int:
    """Return a number in hexadecimal digits without a prefix.  Raises ``ValueError``."""
    word = text.strip()
    if not _HEXADECIMAL.fullmatch(word):
        raise ValueError(f"{word[:80]!r} is not a hexadecimal number")
    return int(word, 16)


def integers(words: list[str]) -> list[int | None]:
    """Return each word as a number, ``None`` where it is none: an odd word costs itself."""
    return [int(word) if _INTEGER.fullmatch(word) else None for word in words]
