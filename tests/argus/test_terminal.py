"""What both programs print: foreign text is text, an unexpected error is one line and never exit code 1."""

from __future__ import annotations

import ast
import io
import logging
import sys
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from argus.screen import Screen
from argus.terminal import OneLine, clean, crashed, guarded, one_line

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "web\x1b]0;owned\x07 \u202egnp.exe\r\x9b2J\u2066"


@pytest.mark.parametrize(
    "text", ["web [/prod]", "[prod] web", "[bold]db[/bold]1", "a[/a]", ":smile: x", "tail\\"]
)
def test_markup_of_others_is_text(text: str) -> None:
    out = io.StringIO()
    screen = Screen(file=out, width=100)
    table = Table(text, title=text, caption=text)
    table.add_row(text)
    table.add_row(Text(text))
    screen.print(table)
    screen.print(text)
    assert out.getvalue().count(text) == 6


@pytest.mark.parametrize("terminal", [False, True])
def test_no_control_character_of_others_reaches_the_terminal(terminal: bool) -> None:
    out = io.StringIO()
    screen = Screen(file=out, width=100, force_terminal=terminal, color_system=None)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(Text(HOSTILE, "bold"))
    screen.print(table, HOSTILE)
    written = out.getvalue().replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[3m", "")
    assert not set(HOSTILE) & set("\x1b\x07\u202e\r\x9b\u2066") & set(written)


def test_words_of_any_language_stay_as_they_are() -> None:
    text = "Zürich 東京 Ελλάς עברית a\tb\nc"
    assert clean(text) == text
    assert one_line(" a\n b\x00c ") == "a b\ufffdc"


def test_print_is_guarded_and_the_streams_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with guarded(), guarded():
        print(HOSTILE)  # noqa: T201 -- what commands do
        print("half \ud800", file=sys.stderr)  # noqa: T201
        sys.stdout.writelines(["a\x1b", "b\n"])
    assert (sys.stdout, sys.stderr) == before
    out, err = capsys.readouterr()
    assert out == "web\ufffd]0;owned\ufffd \ufffdgnp.exe\ufffd\ufffd2J\ufffd\na\ufffdb\n"
    assert err == "half \ufffd\n"


def test_a_bug_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert crashed("argus", KeyError("a\nb"), trace=False) == 2
    err = capsys.readouterr().err
    assert err == "argus: unexpected KeyError: 'a\\nb': please report this; argus --debug ... shows where\n"


def test_a_bug_shows_where_for_who_asks(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="odd") as caught:
        int("odd")
    assert crashed("argus", caught.value, trace=True) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path", [*(ROOT / "argus").rglob("*.py"), *(ROOT / "agents").rglob("*.py")], ids=lambda path: path.name
)
def test_every_console_is_a_screen(path: Path) -> None:
    if path.name == "screen.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            assert name not in {"Console", "from_markup"}, f"{path}:{node.lineno}: markup: use argus.screen"


def test_what_others_named_cannot_look_like_a_log_message_of_ours() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "guest %s", ("a\n12:00 ERROR all is lost",), None)
    assert OneLine("%(levelname)s %(message)s").format(record) == "ERROR guest a 12:00 ERROR all is lost"
