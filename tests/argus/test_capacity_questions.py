"""A question that cannot be asked is refused: an option without effect would answer another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus import cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--failover", "--drift"], "--failover would have no effect with --drift"),
        (["--scope", "foo"], "--scope would have no effect with argus capacity alone"),
        (["--lost", "2", "--flavor", "m1"], "--flavor would have no effect with --lost"),
        (["--drift", "--by", "rack"], "--by would have no effect with --drift"),
        (["--forecast", "--by", "az"], "--by would have no effect with --forecast"),
        (["--flavor", "m1", "--class", "VCPU"], "--class would have no effect"),
    ],
)
def test_two_questions_at_a_time_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    file = tmp_path / "argus.conf"
    file.write_text("")
    assert cli.main(["--config-file", str(file), "capacity", *words]) == 2
    assert says in capsys.readouterr().err
