"""A small catalogue to render: one metric of each kind, on the node and on a discovered disk."""

from __future__ import annotations

from argus.catalogue.model import (
    DISK,
    GUEST,
    NODE,
    Entity,
    Graph,
    Kind,
    Macro,
    Metric,
    Severity,
    Subsystem,
    Trigger,
    Unit,
)

RUN = Metric("ksm", "run", "Runs.", "/run", kind=Kind.STATE, states={0: "stopped", 1: "running"})
PAGES = Metric("ksm", "pages", "Pages.", "/pages")
SCANS = Metric("ksm", "scans", "Scans.", "/scans", kind=Kind.COUNTER, shown=False)
USED = Metric("ksm", "used_ratio", "Used.", "/used", unit=Unit.RATIO)
BUSY = Metric("ksm", "busy_seconds", "Busy.", "/busy", kind=Kind.COUNTER, unit=Unit.SECONDS)
KILLS = Metric("ksm", "kills", "Kills.", "/kills", kind=Kind.COUNTER, rare=True)
TEXT = Metric("ksm", "mode", "Mode.", "/mode", kind=Kind.INFO)
NAME = Metric("info", "name", "Name.", "xml", GUEST, Kind.INFO)
READ = Metric("disk", "read_bytes", "Read.", "rd", DISK, Kind.COUNTER, Unit.BYTES)
SIZE = Metric("disk", "size_bytes", "Size.", "sz", DISK, unit=Unit.BYTES)
POOL = Entity("pool", "node", ("numa_node", "size"), "pools")
POOL_FREE = Metric("pool", "free_bytes", "Free.", "hp", POOL, unit=Unit.BYTES)


def trigger(ident: str, metrics: tuple[Metric, ...], expression: str, **more: object) -> Trigger:
    return Trigger(ident, f"Trouble {ident}", metrics, expression, Severity.WARNING, "notice", "Do.", **more)  # type: ignore[arg-type]  # keywords of the test


KSM = Subsystem(
    "ksm",
    "Merging",
    (RUN, PAGES, SCANS, USED, BUSY, KILLS, TEXT, POOL_FREE),
    triggers=(
        trigger("runs", (RUN,), "last(@1)=1", depends_on=("both",)),
        trigger("both", (RUN, PAGES), "last(@1)=1 and last(@2)>{$PAGES.MAX}", recovery="last(@2)=0"),
        trigger("pool", (POOL_FREE,), "last(@1)<{$POOL.MIN}"),
    ),
    macros=(
        Macro("PAGES.MAX", "10", "Most pages."),
        Macro("POOL.MIN", "1", "Least."),
        Macro("NEVER", "1", "No."),
    ),
    graphs=(Graph("Pages", (PAGES, SCANS)),),
)
GUESTS = Subsystem(
    "guest_disk",
    "Disks",
    (NAME, READ, SIZE),
    triggers=(trigger("reads", (READ, SIZE), "min(@1,5m)>last(@2)"),),
    graphs=(Graph("Disk traffic", (READ,)),),
)
SUBSYSTEMS = (KSM, GUESTS)
assert RUN.entity is NODE
