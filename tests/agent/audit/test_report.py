"""The audit's report: commands can be copied whole, and scripts get every row."""

from __future__ import annotations

import io
import json

from rich.console import Console

from argus_agent.audit.checks import Row
from argus_agent.audit.report import as_json, show

MEND = "echo never > /sys/kernel/mm/transparent_hugepage/defrag # " + "x" * 60
WRONG = Row("thp defrag", "cmp1", "madvise", "never", "a guest stands still", MEND)
RIGHT = Row("ksm", "cmp1", "0", "0", "costs CPU", "echo 0 > /sys/kernel/mm/ksm/run")
UNKNOWN = Row("ksm", "cmp2", None, "0", "costs CPU", "echo 0 > /sys/kernel/mm/ksm/run")


def _text(*rows: Row) -> str:
    out = io.StringIO()
    show(rows, "tuned", Console(file=out, width=60))
    return out.getvalue()


def test_a_command_is_on_one_line_however_narrow_the_terminal() -> None:
    assert f"    {MEND}" in _text(WRONG, RIGHT).splitlines()


def test_what_agrees_is_only_counted() -> None:
    assert "ksm" not in _text(WRONG, RIGHT)
    assert "1 of 2 checks are as profile tuned wants." in _text(WRONG, RIGHT)


def test_what_is_not_known_does_not_agree() -> None:
    assert "not known" in _text(UNKNOWN)


def test_a_name_cannot_look_like_lines_of_ours_and_stays_as_it_is_in_a_command() -> None:
    evil = "a  b\n5 of 5 checks are as profile tuned wants."
    text = _text(Row("disk cache", evil, "x", "none", "why", f"virsh edit '{evil}'"))
    assert "    virsh edit 'a  b 5 of 5" in text
    assert [line for line in text.splitlines() if line.startswith("5 of 5")] == []


def test_scripts_get_every_row() -> None:
    data = json.loads(as_json((WRONG, RIGHT), "tuned"))
    assert (data["differences"], [row["agrees"] for row in data["rows"]]) == (1, [False, True])
