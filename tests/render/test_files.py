"""`argus render` writes the generated files, and `--check` says when they are not current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from render_examples import SUBSYSTEMS

from argus.render import main
from argus.render.reference import metrics_page

if TYPE_CHECKING:
    from pathlib import Path

NODE = "zabbix_templates/6.0/argus_kvm_node.yaml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "setup.cfg").touch()
    return tmp_path


@pytest.mark.slow
def test_a_second_run_finds_nothing_to_do(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(check=False, root=checkout) == 0
    assert f"wrote {NODE}" in capsys.readouterr().out
    assert main(check=True, root=checkout) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_check_names_a_file_that_somebody_edited(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(check=False, root=checkout)
    with (checkout / NODE).open("a", encoding="utf-8") as file:
        file.write("# by hand\n")
    capsys.readouterr()
    assert main(check=True, root=checkout) == 1
    assert capsys.readouterr().out == f"differs {NODE}\n"


@pytest.mark.slow
def test_check_writes_nothing(checkout: Path) -> None:
    assert main(check=True, root=checkout) == 1
    assert not (checkout / NODE).exists()


def test_outside_of_a_checkout_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(check=True, root=tmp_path) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_the_reference_names_every_metric_trigger_and_macro() -> None:
    page = metrics_page(SUBSYSTEMS)
    assert "`argus_guest_disk_read_bytes_total{uuid,disk}`" in page
    assert "`argus.node.ksm.scans.rate` *off*" in page
    assert "Values: 0 stopped, 1 running." in page
    assert "last(argus.node.ksm.run)=1 and last(argus.node.ksm.pages)>{$PAGES.MAX}" in page
    assert "`{$PAGES.MAX}` | 10 |" in page


def test_a_bar_in_a_help_text_does_not_break_the_table() -> None:
    page = metrics_page(SUBSYSTEMS).splitlines()
    rows = [line for line in page if line.startswith("| `argus_")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {3, 7}, "two kinds of tables"
