"""`argus zabbix plan` and `apply` with bad input, and the file that holds the token."""

from __future__ import annotations

import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from empty_zabbix import empty_zabbix

from argus.zabbix.api import Zabbix, ZabbixError
from argus.zabbix.commands import run_apply, run_plan
from argus.zabbix.token import refuse_unwritable, write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def at(url: str, timeout: float = 10.0) -> SimpleNamespace:
    """What the commands take of the configuration."""
    zabbix = SimpleNamespace(url=url, token_file="/nonexistent/token", timeout=timeout)
    return SimpleNamespace(zabbix=zabbix)


NOWHERE = at("http://127.0.0.1:1", 0.2)


@pytest.mark.parametrize("command", [run_plan, run_apply])
def test_without_an_administrator_it_says_what_to_set(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(NOWHERE, "table", {}) == 2
    assert "ZABBIX_USER and ZABBIX_PASSWORD, or ZABBIX_TOKEN" in capsys.readouterr().err


@pytest.mark.parametrize("command", [run_plan, run_apply])
@pytest.mark.parametrize(
    "login", [{"ZABBIX_USER": "Admin", "ZABBIX_PASSWORD": "zabbix"}, {"ZABBIX_TOKEN": "0" * 64}]
)
@pytest.mark.parametrize("version", ["5.0.47", "5.4.12", "7.5.0", "8.0.0rc1"])
def test_a_zabbix_of_another_version_is_named_in_one_line_and_left_alone(
    command: Callable[..., int], login: dict[str, str], version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with empty_zabbix() as zabbix:
        zabbix.version = version
        assert command(at(zabbix.url), "table", login) == 2
    (line,) = filter(str.strip, capsys.readouterr().err.splitlines())
    assert f"{zabbix.url} is Zabbix {version}; Argus works with 6.0 to 7.4: use another server" in line
    assert zabbix.asked == ["apiinfo.version"]


@pytest.mark.parametrize("version", ["6.0.0", "6.4.21", "7.4.9"])
def test_versions_in_between_are_worked_with(version: str) -> None:
    with empty_zabbix() as zabbix:
        zabbix.version = version
        with Zabbix.with_token(zabbix.url, "0" * 64) as session:
            assert session.read("host.get") == []
            assert version.startswith(".".join(map(str, session.version)))


def test_a_token_is_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new\n")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_nothing_can_be_written_to_is_named_before_anything_is_made(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "token")
    with pytest.raises(ZabbixError, match="missing is missing or not writable; create it"):
        refuse_unwritable(tmp_path / "missing" / "token")


def test_a_token_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ZabbixError, match="token"):
        write_private(tmp_path / "missing" / "token", "x")
