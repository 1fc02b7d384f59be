"""Tables for a terminal and for the documentation."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from stack.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent_bench.budgets import Verdict
    from agent_bench.rounds import Row

BEGIN, END = "<!-- bench/agent: begin -->", "<!-- bench/agent: end -->"
BEGIN_LARGE, END_LARGE = "<!-- bench/agent --large: begin -->", "<!-- bench/agent --large: end -->"
COLUMNS = (
    "own CPU ms",
    "libvirtd ms",
    "QEMUs ms",
    "wall ms",
    "series",
    "ms per 1,000",
    "peak RSS MB",
)
HEAD = ("guests", "collector", "own CPU", "libvirtd", "QEMUs", "wall", "series", "CPU/1,000", "peak RSS")


def table(rows: Iterable[Row]) -> str:
    """A table of at most 100 columns: milliseconds a cycle, MB."""
    lines: list[tuple[str, ...]] = [HEAD, ("", "", "ms", "ms", "ms", "ms", "", "ms", "MB")]
    lines += [_cells(row) for row in rows]
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if n == 1 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(rows: list[Row], verdicts: Iterable[Verdict], command: str, rounds: int) -> str:
    """What goes between the markers."""
    lines = [
        f"Made by `{command}` ({rounds} rounds; {platform.system()} {platform.release().partition('-')[0]}).",
        "",
        f"| guests | collector | {' | '.join(COLUMNS)} |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    lines += ["", *(f"* {verdict}." for verdict in verdicts)]
    return "\n".join(lines)


def write_between_markers(file: Path, text: str, first: str = BEGIN, last: str = END) -> None:
    """Replace what is between the markers.  Raises ``LabError`` when the file lacks them."""
    before, begin, rest = file.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise LabError(f"{file} lacks the lines {first} and {last}, between which the table goes")
    file.write_text(f"{before}{first}\n{text}\n{last}{after}")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        str(row.guests),
        row.name,
        *(_milliseconds(value) for value in (row.own, row.libvirtd, row.qemu, row.wall)),
        str(row.series),
        _milliseconds(row.own * 1000 / row.series if row.series else None),
        f"{row.rss / 1e6:.1f}" if row.rss else "",
    )


def _milliseconds(seconds: float | None) -> str:
    """Background taken off can leave less than nothing, which is noise around zero."""
    return "" if seconds is None else f"{max(0.0, seconds) * 1000:.1f}"
