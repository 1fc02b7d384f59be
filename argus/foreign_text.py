"""Text of other programs: cleaned and bounded once, where it enters.

Names, messages and answers of clouds, hypervisors and receivers may hold anything.  A NUL or half a
surrogate cannot be stored, an ESC or a bidirectional override changes what a terminal shows, and a name of
any length does not fit a column.  ``cleaned`` is applied to facts when a cycle has read them, and the
database's columns clean what they are given, so that no text makes a decision fail.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

T = TypeVar("T")

LONGEST_TEXT = 4000
"""Characters of a message; what is longer says no more to a person."""
LONGEST_NAME = 255
"""Characters of what identifies something: the columns of the database take no more."""
_DIGEST = 8
# C0 and C1 controls, bidirectional overrides and isolates, halves of surrogate pairs, noncharacters
UNSAFE = "\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff"
"""As the inside of a class of a regular expression."""
_UNSAFE = re.compile(f"[{UNSAFE}]")
_NOWHERE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL, UTF-8 no half of a pair
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
REPLACEMENT = "\ufffd"


def clean(text: str) -> str:
    """Return text on one line: line breaks become spaces, what cannot be shown or stored U+FFFD."""
    if text.isprintable():  # nearly always, and fast; it also knows no lone surrogate and no control
        return text
    return _UNSAFE.sub(REPLACEMENT, _BREAKS.sub(" ", text))


def storable(text: str) -> str:
    """Return text that every database and every encoding takes; line breaks stay."""
    return text if text.isprintable() else _NOWHERE.sub(REPLACEMENT, text)


def bounded(text: str, longest: int = LONGEST_NAME) -> str:
    """Return an identifier that fits; of two that differ only beyond the end, two stay.

    ``longest`` is in characters; a digest of the whole takes the place of what is cut.
    """
    if len(text) <= longest:
        return text
    from hashlib import sha256  # noqa: PLC0415 -- OpenSSL is 3 MB that most who clean text never need

    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{text[: longest - _DIGEST - 1]}~{digest}"


def cleaned(value: T) -> T:
    """Return a value with every text in it cleaned: dataclasses, tuples, lists and mappings, at any depth.

    What holds nothing to clean is returned as it is, not copied.
    """
    return cast("T", _cleaned(value))


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        text = clean(value)
        return text if len(text) <= LONGEST_TEXT else bounded(text, LONGEST_TEXT)
    if value is None or type(value) in _NUMBERS:
        return value
    if isinstance(value, tuple):
        return _sequence(value)
    if isinstance(value, list):
        return list(map(_cleaned, value))
    if isinstance(value, Mapping):
        return _mapping(value)
    names = _fields(cast("Any", type(value)))
    return _record(value, names) if names else value


_NUMBERS = frozenset((bool, int, float))


def _sequence(value: tuple[object, ...]) -> tuple[object, ...]:
    found = tuple(map(_cleaned, value))
    if all(map(operator.is_, found, value)):
        return value
    make: Any = type(value)
    return cast("tuple[object, ...]", make(*found)) if hasattr(value, "_fields") else found


def _mapping(value: Mapping[object, object]) -> Mapping[object, object]:
    """A fleet has millions of numbers in mappings, so kinds of values are looked at first."""
    if set(map(type, value.values())) <= _NUMBERS and all(map(_is_clean, value)):
        return value
    found = {_cleaned(key): _cleaned(each) for key, each in value.items()}
    return value if _same(found, value) else found


def _same(found: Mapping[object, object], value: Mapping[object, object]) -> bool:
    keys, values = map(operator.is_, found, value), map(operator.is_, found.values(), value.values())
    return len(found) == len(value) and all(keys) and all(values)


def _is_clean(key: object) -> bool:
    return isinstance(key, str) and key.isprintable() and len(key) <= LONGEST_TEXT


@functools.cache
def _fields(kind: type[object]) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind) if field.init)


def _record(value: Any, names: tuple[str, ...]) -> object:
    changed = {}
    for name in names:
        old = getattr(value, name)
        new = _cleaned(old)
        if new is not old:
            changed[name] = new
    return dataclasses.replace(value, **changed) if changed else value
