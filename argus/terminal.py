"""What the commands of both programs write: text of others is text, and never controls the terminal.

Names, titles and paths come from tenants and from other programs.  An escape sequence among them could rename
the window or hide a line, a character of bidirectional writing could turn it round (CVE-2021-42574).
"""

from __future__ import annotations

import re
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

CRASHED = 2
"""Exit code: not 1, which says that something was found."""

# C0 but for tab and newline, DEL, C1; marks, embeddings, overrides and isolates of bidirectional writing,
# separators of lines and paragraphs; halves of surrogate pairs, which no encoding takes.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)
_REPLACEMENT = "\ufffd"
_LONGEST = 500  # characters of an error that is shown


def clean(text: str) -> str:
    """Return the text with each character that would control the terminal replaced by U+FFFD."""
    return _CONTROLS.sub(_REPLACEMENT, text)


def one_line(text: str) -> str:
    """Return the text cleaned and without line breaks, so that it cannot look like lines of ours."""
    return " ".join(clean(text).split())


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
