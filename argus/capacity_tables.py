"""Tables of capacity: what a person reads at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from argus.screen import Screen, screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REASONS = 3
LOSSES = 20
FULL = 0.9  # share in use from which a figure is shown as a warning


def console() -> Screen:
    """Return where tables go."""
    return screen()


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
            may = row["flavors_may_fit"]
            fit = (f"{_between(n, may.get(f, n))} x {f}" for f, n in row["flavors"].items())
            out.print(Text("more that fit: " + ", ".join(fit)))
    pains(rows)


def _between(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def pains(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show overcommit by allocation and by what it costs; nothing where no agent tells."""
    if not any(row["hosts_that_tell"] for row in rows):
        return
    out = console()
    made = table(
        *("SCOPE", ">PROMISED VCPU", ">MEMORY", ">DISK", ">STEAL", ">CPU STALL"),
        *(">MEMORY STALL", ">SWAP", ">BALLOONED"),
    )
    for row in rows:
        kinds = (row["promised"].get(kind) for kind in ("VCPU", "MEMORY_MB", "DISK_GB"))
        made.add_row(
            Text(row["scope"]),
            *("?" if ratio is None else f"{ratio:.2f}" for ratio in kinds),
            *(
                "?" if row[name] is None else f"{row[name]:.1%}"
                for name in ("steal", "cpu_stall", "memory_stall")
            ),
            *(
                "?" if row[n] is None else f"{row[n] / 2**30:.1f} GiB"
                for n in ("swap_bytes", "ballooned_bytes")
            ),
        )
    out.print()
    out.print(made)
    out.print(Text("steal to ballooned: the worst host; ?: no agent tells"))


def losses(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show the losses that do not fit, the worst first."""
    short = sorted(
        (row for row in rows if not row["fits"]), key=lambda row: (-row["without_host"], row["lost"])
    )
    doubt = any(row["unsure"] for row in short)  # only NUMA leaves one: no column for it elsewhere
    unsure = [">NOT KNOWN: NUMA"] if doubt else []
    made = table("CLOUD", "LOST", ">GUESTS", ">WITHOUT A HOST", *unsure, "THEY NEED", "GUESTS WITHOUT A HOST")
    for row in short[:LOSSES]:
        more = len(row["who"]) - REASONS
        who = ", ".join(row["who"][:REASONS]) + (f" and {more} more" if more > 0 else "")
        figures = [str(row[name]) for name in ("guests", "without_host", *(["unsure"] if doubt else []))]
        made.add_row(row["cloud"], Text(row["lost"]), *figures, needs(row["short"]), Text(who))
    out = console()
    if short:
        out.print(made)
    if len(short) > LOSSES:
        out.print(Text(f"... and {len(short) - LOSSES} more that do not fit; --format json has all"))
    out.print(
        Text(f"{len(rows)} losses tried, {len(short)} do not fit elsewhere", "bold red" if short else "green")
    )


def needs(short: Mapping[str, int]) -> str:
    """Say what guests without a host ask for together, as people say it."""
    said = {"VCPU": ("vCPUs", 1), "MEMORY_MB": ("GiB memory", 1024), "DISK_GB": ("GiB disk", 1)}
    kinds = [*(kind for kind in said if kind in short), *sorted(short.keys() - said.keys())]
    words = ((short[kind], *said.get(kind, (kind, 1))) for kind in kinds)
    return ", ".join(f"{round(amount / size, 1):g} {word}" for amount, word, size in words)


def drift(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show who disagrees about what."""
    made = table("CLOUD", "KIND", "HOST", "WHAT")
    for row in rows:
        made.add_row(row["cloud"], row["kind"], Text(row["host"]), Text(row["text"]))
    console().print(made if rows else "Nova, Placement and libvirt agree, as far as each was read")


def fits(rows: Sequence[Mapping[str, Any]]) -> None:
    """Show how many more of a flavor fit, and why not elsewhere."""
    out = console()
    made = table("CLOUD", "SCOPE", "FLAVOR", ">FITS", ">UNFRAGMENTED", "ROOMIEST", "NO ROOM ON HOSTS BECAUSE")
    for row in rows:
        roomy = ", ".join(f"{name} {count}" for name, count in list(row["by_host"].items())[:REASONS])
        no_room = ", ".join(f"{count}: {why}" for why, count in list(row["no_room"].items())[:REASONS])
        count = Text(_between(row["fits"], row["may_fit"]), "bold red" if row["may_fit"] == 0 else "bold")
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
    hosts = str(document["lost"])
    if len(document["hosts"]) > 1:
        hosts += f" ({len(document['hosts'])} hosts)"
    if document["fits"]:
        out.print(Text(f"{hosts}: all {document['guests']} guests fit elsewhere", "green"))
    else:
        text = f"{hosts}: {document['without_host']} of {document['guests']} guests fit nowhere"
        if document["short"]:
            text += f"; they need {needs(document['short'])}"
        if document["unsure"]:
            text += f"; for {document['unsure']} it is not known whether NUMA nodes are free"
        out.print(Text(text, "bold red"))
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
