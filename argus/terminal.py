"""What the commands of both programs write: text of others is text, and never controls the terminal.

Names, titles and paths come from tenants and from other programs.  An escape sequence among them could rename
the window or hide a line, a character of bidirectional writing could turn it round (CVE-2021-42574).
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

from argus.foreign_text import REPLACEMENT, UNSAFE

if TYPE_CHECKING:
    from collections.abc import Iterator

CRASHED = 2
"""Exit code: not 1, which says that something was found."""

# Beside what is cleaned wherever text enters: marks of bidirectional writing, separators of lines and
# paragraphs, annotations.  Tab and newline are for whoever prints.
_CONTROLS = re.compile(f"(?![\t\n])[{UNSAFE}\u061c\u200e\u200f\u2028\u2029\ufff9-\ufffb]")
_LONGEST = 500  # characters of an error that is shown


def clean(text: str) -> str:
    """Return the text with each character that would control the terminal replaced by U+FFFD."""
    return text if text.isprintable() else _CONTROLS.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    """Return the text cleaned and without line breaks, so that it cannot look like lines of ours."""
    return " ".join(clean(text).split())


class OneLine(logging.Formatter):
    """Log messages on one line each: what others named cannot look like a message of ours."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        """Return the message; a traceback comes below it."""
        record.message = one_line(record.message)
        return super().formatMessage(record)


def log_to_stderr(text: str, *, debug: bool) -> None:
    """Log to stderr, each message in the format ``text``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(text))
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])


class _Guarded:
    """A stream that cleans what is written to it, for `print` and logging."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        self.stream.write(clean(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def raw(stream: TextIO) -> TextIO:
    """Return the stream below the guard: for who cleans by himself and adds colours."""
    return stream.stream if isinstance(stream, _Guarded) else stream


@contextmanager
def guarded() -> Iterator[None]:
    """Guard stdout and stderr; a character that their encoding lacks is written as an escape, no error."""
    before = sys.stdout, sys.stderr
    for stream in before:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = (cast("TextIO", _Guarded(raw(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def crashed(program: str, error: Exception, *, trace: bool) -> int:
    """Say in one line that the program has a bug, or with ``trace`` where; return the exit code."""
    if trace:
        traceback.print_exception(error)
    hint = "" if trace else f"; {program} --debug ... shows where"
    what = one_line(f"{type(error).__name__}: {error}")[:_LONGEST]
    print(f"{program}: unexpected {what}: please report this{hint}", file=sys.stderr)  # noqa: T201
    return CRASHED
