"""Tables of capacity: what a person reads at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAIN_WIDTH = 200  # of a table that goes into a pipe or file: a line must not be cut there
REASONS = 3
FULL = 0.9  # share in use from which a figure is shown as a warning


def console() -> Console:
    """Return where tables go."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def table(*headings: str) -> Table:
    """Make a table; headings that begin with ``>`` are of figures."""
    made = Table(box=None, pad_edge=False)
    for heading in headings:
        right = heading.startswith(">")
        made.add_column(heading.lstrip(">"), justify="right" if right else "left", no_wrap=right)
    return made


def free(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show what is left by resource class, and how many of each flavor fit."""
    out = console()
    made = table(
        "CLOUD", "SCOPE", ">HOSTS", "CLASS", ">CAPACITY", ">USED", ">FREE", ">FREE ON OPEN", ">USE", ""
    )
    for row in rows:
        first = True
        for kind, each in row["classes"].items():
            share = each["used"] / each["capacity"] if each["capacity"] else None
            notes = []
            if each["hosts_over"]:
                notes.append(f"over: {', '.join(each['hosts_over'][:REASONS])}")
            if each["held_twice"]:
                notes.append(f"{each['held_twice']} held twice")
            made.add_row(
                row["cloud"] if first else "",
                Text(row["scope"] if first else ""),
                f"{row['hosts'] - len(row['closed'])}/{row['hosts']}" if first else "",
                kind,
                str(each["capacity"]),
                str(each["used"]),
                Text(str(each["free"]), "bold red" if each["free"] < 0 else ""),
                str(each["free_on_open_hosts"]),
                Text("" if share is None else f"{share:.0%}", "yellow" if share and share >= FULL else ""),
                Text("; ".join(notes)),
            )
            first = False
    out.print(made)
    for row in rows[:1]:
        if row["closed"]:
            out.print(Text("take no guests: " + ", ".join(f"{n} ({w})" for n, w in row["closed"].items())))
        if row["flavors"]:
            out.print(Text("more that fit: " + ", ".join(f"{n} x {f}" for f, n in row["flavors"].items())))


def fits(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show how many more of a flavor fit, and why not elsewhere."""
    out = console()
    made = table("CLOUD", "SCOPE", "FLAVOR", ">FITS", ">UNFRAGMENTED", "ROOMIEST", "NO ROOM ON HOSTS BECAUSE")
    for row in rows:
        roomy = ", ".join(f"{name} {count}" for name, count in list(row["by_host"].items())[:REASONS])
        no_room = ", ".join(f"{count}: {why}" for why, count in list(row["no_room"].items())[:REASONS])
        count = Text(str(row["fits"]), "bold red" if row["fits"] == 0 else "bold")
        ideal = str(row["if_not_fragmented"])
        made.add_row(
            row["cloud"], Text(row["scope"]), row["flavor"], count, ideal, Text(roomy), Text(no_room)
        )
    out.print(made)
    if rows and rows[0]["not_checked"]:
        out.print(Text(f"not checked, so that fewer may fit: {rows[0]['not_checked']}", "yellow"))


def loss(document: Mapping[str, Any], most: int) -> None:
    """Show who finds no host, and who goes where."""
    out = console()
    hosts = ", ".join(document["hosts"])
    if document["fits"]:
        out.print(Text(f"{hosts}: all {document['guests']} guests fit elsewhere", "green"))
    else:
        short = ", ".join(f"{amount} {kind}" for kind, amount in document["short"].items())
        text = f"{hosts}: {document['without_host']} of {document['guests']} guests fit nowhere"
        out.print(Text(f"{text}; they need {short}", "bold red"))
    made = table("GUEST", "NAME", "PROJECT", "FLAVOR", "FROM", "TO")
    for row in document["moves"][:most]:
        target = Text(row["to"]) if row["to"] else Text("no room", "bold red")
        made.add_row(*(Text(row[key]) for key in ("guest", "name", "project", "flavor", "from")), target)
    out.print(made)
    if len(document["moves"]) > most:
        out.print(Text(f"... and {len(document['moves']) - most} more; --format json has all"))


def before_after(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show figures before and after a change."""
    made = table("WHAT", ">BEFORE", ">AFTER")
    for row in rows:
        made.add_row(Text(row["flavor"]), str(row["before"]), str(row["after"]))
    console().print(made)
