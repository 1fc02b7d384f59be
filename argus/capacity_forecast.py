"""``argus capacity --forecast`` and ``--plot``: when it is full, with an interval, as table or picture."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from argus import capacity_tables as tables
from argus import config
from argus.capacity_commands import show as show_rows
from argus.correlator.capacity.forecast import DAY, DAYS_LEAST, Forecast, forecast
from argus.errors import ArgusError
from argus.store import capacity as history
from argus.store import schema
from argus.store.engine import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOUND = 1
SHOWN = 20  # names in an error
UNITS = {"MEMORY_MB": "MiB", "memory in use": "MiB", "DISK_GB": "GiB"}


def show(conf: Any, *, cloud: str, scope: str, kind: str, file: str, form: str) -> int:
    """Print the forecast of each scope and class that has history, or draw one; exit code 1 for a refusal."""
    store = open_store(config.database_url(conf))
    schema.check(store)
    since = time.time() - conf.capacity.keep_days * DAY
    with store.read() as session:
        series = history.series(session, since)
    if not series:
        raise ArgusError("there is no history of use yet: argus run, or a worker, writes it once a day")
    if file:
        names = sorted({key[0] for key in series})
        fleet = cloud or names[0]
        if len(names) > 1 and not cloud:
            raise ArgusError(f"--plot draws one cloud: say which with --cloud ({', '.join(names)})")
        return _plot(series, (fleet, scope or "all", kind or "MEMORY_MB"), Path(file))
    wanted = (cloud, scope, kind)
    rows = [
        _row(key, each)
        for key, each in sorted(series.items())
        if all(not want or want == name for want, name in zip(wanted, key, strict=True))
    ]
    if not rows:
        known = ", ".join(sorted({"/".join(key) for key in series})[:SHOWN])
        raise ArgusError(f"there is no history of that; there is of (cloud/scope/class): {known}")
    show_rows(rows, form, _table)
    return 0


def _row(key: tuple[str, str, str], series: history.Series) -> dict[str, Any]:
    found = forecast(series.samples, series.capacity)
    return {
        "cloud": key[0],
        "scope": key[1],
        "class": key[2],
        "used": series.samples[-1][1],
        "capacity": series.capacity,
        "days_of_history": found.days,
        "full_in_days": found.full,
        "earliest": found.early,
        "latest": found.late,
        "growth_a_day": None if found.refused else found.slope,
        "refused": found.refused or None,
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> None:
    made = tables.table("CLOUD", "SCOPE", "CLASS", ">USED", ">CAPACITY", ">GROWTH/DAY", "FULL")
    for row in rows:
        growth = "" if row["growth_a_day"] is None else f"{row['growth_a_day']:+.1f}"
        made.add_row(
            row["cloud"],
            Text(row["scope"]),
            row["class"],
            f"{row['used']:.0f}",
            f"{row['capacity']:.0f}",
            growth,
            Text(_words(row)),
        )
    tables.console().print(made)


def _words(row: Mapping[str, Any]) -> str:
    if row["refused"]:
        return f"not said: {row['refused']}"
    if row["full_in_days"] is None and row["earliest"] is None:
        return "not within three years"
    ends = [_days(row[name]) for name in ("earliest", "latest")]
    return f"in {_days(row['full_in_days'])} ({ends[0]} to {ends[1]})"


def _days(days: float | None) -> str:
    return "more than 3 years" if days is None else f"{days:.0f} d"


def _plot(
    series: Mapping[tuple[str, str, str], history.Series], key: tuple[str, str, str], file: Path
) -> int:
    mine = series.get(key)
    if mine is None:
        known = ", ".join(sorted({f"{scope} {kind}" for _, scope, kind in series}))
        raise ArgusError(f"there is no history of {key[1]} {key[2]} in {key[0]}; there is: {known}")
    found = forecast(mine.samples, mine.capacity)
    draw(f"{key[0]}, {key[1]}: {key[2]}", key[2], mine, found, file)
    print(f"{file}: {found.refused or _words(_row(key, mine))}")
    return FOUND if found.refused else 0


def _when(found: Forecast) -> str:
    return _words({"refused": "", "full_in_days": found.full, "earliest": found.early, "latest": found.late})


def draw(title: str, kind: str, series: history.Series, found: Forecast, file: Path) -> None:
    """Draw use, capacity, the line and its interval.  ``ArgusError`` without matplotlib, or the file."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # heavy, and an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ArgusError("--plot needs matplotlib: pip install 'argus[plot]'") from None
    figure = Figure(figsize=(9, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.xaxis_date()
    days = [at / DAY for at, _ in series.samples]  # matplotlib's dates are days since the epoch
    marker = "o" if len(days) < DAYS_LEAST else ""  # a line through one day cannot be seen
    axes.plot(days, [value for _, value in series.samples], color="#1f5fa8", marker=marker, label="in use")
    axes.axhline(series.capacity, color="#b02a2a", label="capacity")
    if found.refused:
        axes.set_xlim(days[0] - 1, days[-1] + 1)
        axes.text(0.02, 0.05, f"no forecast: {found.refused}", transform=axes.transAxes, color="#b02a2a")
    else:
        reach = min(max(90.0, 1.2 * (found.late or found.full or 0.0)), 730.0)
        ahead = [found.newest + part * reach * DAY / 50 for part in range(51)]
        moments = [at / DAY for at in ahead]
        # The same line and the same interval as the dates: of the slope, and of the days around the line.
        bounds = ((found.slope, 0.0), (found.slopes[0], -found.spread), (found.slopes[1], found.spread))
        lines = [
            [found.level + off + slope * (at - found.newest) / DAY for at in ahead] for slope, off in bounds
        ]
        axes.plot(moments, lines[0], color="#1f5fa8", linestyle="--", label="forecast")
        axes.fill_between(moments, lines[1], lines[2], color="#1f5fa8", alpha=0.2, label="90 % interval")
        if found.early is not None and found.late is not None:
            ends = [found.newest / DAY + days for days in (found.early, found.late)]
            axes.axvspan(*ends, color="#b02a2a", alpha=0.12, label="full")
    axes.set_title(title if found.refused else f"{title}\nfull {_when(found)}")
    axes.set_ylabel(UNITS.get(kind, kind))
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right", fontsize="small")
    figure.autofmt_xdate()
    try:
        figure.savefig(file, format="png")
    except OSError as exc:
        raise ArgusError(f"cannot write {file}: {exc.strerror}") from None
