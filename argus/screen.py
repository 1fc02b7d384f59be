"""Tables and coloured lines for people, by rich: nothing that is printed is taken for markup."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.segment import Segment

from argus.terminal import clean, raw

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions, RenderableType

PLAIN_WIDTH = 200
"""Columns of a table that goes into a pipe or file: a line must not be cut there."""


class Screen(Console):
    """A console on which text is text: no markup, no emoji codes, and no control characters but its own."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        """Write to stdout or stderr as they are now; ``options`` are rich's."""
        options.setdefault("file", raw(sys.stderr if stderr else sys.stdout))
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, and clean each piece of text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)


def screen() -> Screen:
    """Return what tables are printed on: as wide as the terminal, wide enough for all where there is none."""
    made = Screen()
    return made if made.is_terminal else Screen(width=PLAIN_WIDTH)
