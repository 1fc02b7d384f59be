"""`argus zabbix plan` and `apply` with bad input, and the file that holds the token."""

from __future__ import annotations

import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from argus.zabbix.api import ZabbixError
from argus.zabbix.commands import run_apply, run_plan
from argus.zabbix.token import write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOWHERE = SimpleNamespace(
    zabbix=SimpleNamespace(url="http://127.0.0.1:1", token_file="/nonexistent/token", timeout=0.2)
)


@pytest.mark.parametrize("command", [run_plan, run_apply])
def test_without_an_administrator_it_says_what_to_set(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(NOWHERE, "table", {}) == 2
    assert "ZABBIX_USER and ZABBIX_PASSWORD, or ZABBIX_TOKEN" in capsys.readouterr().err


def test_a_token_is_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new\n")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_token_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZabbixError, match="token"):
        write_private(tmp_path / "missing" / "token", "x")
