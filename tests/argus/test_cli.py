"""Commands answer in one clear line, for people and for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from argus import __version__, cli
from argus.routing.matchers import parse
from argus.store import incidents, schema, silences
from argus.store.engine import open_store
from argus.store.models import IncidentRow

if TYPE_CHECKING:
    from argus.store.engine import Store


@pytest.fixture
def config(tmp_path: Path, store: Store) -> str:
    """A configuration on the test's own database, with an open and a resolved incident in it."""
    with store.write() as session:
        for subject, phase, resolved_at in (("cmp1", "open", None), ("cmp2", "resolved", 2000.0)):
            row = IncidentRow(
                rule="libvirtd_does_not_answer",
                subject=subject,
                phase=phase,
                severity="HIGH",
                summary=f"libvirtd on {subject} [does] not answer",
                evidence={"libvirtd up": "0"},
                since=1000,
                seen_at=1000,
                opened_at=1020,
                resolved_at=resolved_at,
                held="Zabbix cannot be read" if subject == "cmp1" else "",
            )
            session.add(row)
            session.flush()
            incidents.record(session, row, "opened", "stood for 20 s", 1020)
    file = tmp_path / "argus.conf"
    file.write_text(f"[database]\nurl = {store.engine.url}\n")
    return str(file)


def test_incidents_lists_open_ones_and_says_when_they_are_held(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--config-file", config, "incidents"]) == 0
    shown = capsys.readouterr().out
    assert "libvirtd on cmp1 [does] not answer [Zabbix cannot be read]" in shown
    assert "open (held)" in shown
    assert "cmp2" not in shown


def test_incidents_in_json_is_for_scripts(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["incidents", "--all", "--format", "json", "--config-file", config]) == 0
    rows = {row["subject"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["cmp1"]["state"] == "open"
    assert rows["cmp2"]["resolved_at"] == "1970-01-01T00:33:20.000+00:00"


def test_explain_tells_the_reasons(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--config-file", config, "explain", "1"]) == 0
    shown = capsys.readouterr().out
    assert "libvirtd up: 0" in shown
    assert "stood for 20 s" in shown
    assert cli.main(["--config-file", config, "explain", "1", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["decisions"][0]["what"] == "opened"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["explain", "99"], "there is no incident 99", id="no such incident"),
        pytest.param(
            ["--config-file", "/no/such.conf", "incidents"], "/no/such.conf: no such file", id="no file"
        ),
    ],
)
def test_what_a_person_can_mend_is_one_line_and_exit_code_2(
    config: str, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert cli.main(["--config-file", config, *words]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_an_unknown_option_in_the_file_is_named_by_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "argus.conf"
    file.write_text("[database]\nulr = x\n")
    for words in (["check-config"], ["run"], ["db", "upgrade"], ["exporter"], ["zabbix", "plan"]):
        assert cli.main(["--config-file", str(file), *words]) == 2
        assert f"{file}:2: unknown option ulr in [database]; did you mean url?" in capsys.readouterr().err


def test_a_zabbix_that_is_away_is_named_by_plan(
    config: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZABBIX_TOKEN", "ZABBIX_USER", "ZABBIX_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    assert cli.main(["--config-file", config, "zabbix", "plan"]) == 2
    assert "ZABBIX_USER" in capsys.readouterr().err


def complete(config: str, tmp_path: Path) -> None:
    """Add what a configuration needs to find something and to tell somebody."""
    (tmp_path / "token").write_text("a" * 64)
    more = f"[zabbix]\ntoken_file = {tmp_path}/token\n[smtp]\nrecipients = ops@example.org\n"
    with Path(config).open("a", encoding="utf-8") as file:
        file.write(more)


def test_check_config_is_content_with_a_good_file(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    complete(config, tmp_path)
    assert cli.main(["--config-file", config, "check-config"]) == 0
    assert "good" in capsys.readouterr().out


def test_check_config_says_what_is_lacking_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "argus.conf"
    file.write_text(f"[database]\nurl = sqlite:///{tmp_path}/no.db\n[zabbix]\ntoken_file = {tmp_path}/no\n")
    assert cli.main(["--config-file", str(file), "check-config"]) == 1
    shown = capsys.readouterr().out
    assert "good" not in shown
    for words in ("nobody would be notified of anything", "no tables yet", "token_file: cannot read"):
        assert f"lacking: {words}" in shown or any(
            line.startswith("lacking: ") and words in line for line in shown.splitlines()
        )
    assert not (tmp_path / "no.db").exists()


def test_what_people_do_is_told_as_json_too(
    config: str, tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> dict[str, Any]:
        assert cli.main(["--config-file", config, *words, "--format", "json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    complete(config, tmp_path)
    checked = run("check-config")
    assert checked["lacking"] == []
    assert [each["labels"]["kind"] for each in checked["samples"]] == ["node", "guest", "node"]
    with store.write() as session:
        silences.add(session, [parse('node="cmp1"')], None, "ann", "why", 0)
    assert run("ack", "1", "--author", "ann")["was_already"] is False
    assert run("ack", "1", "--author", "bob")["acknowledged_by"] == "ann"
    assert run("silence", "expire", "1")["silence"] == 1


@pytest.mark.parametrize("words", [[], ["nothing"], ["db", "drop"], ["explain"]])
def test_wrong_usage_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert "usage: argus" in capsys.readouterr().err


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.slow
def test_a_list_of_incidents_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    """What these take to load is half a second; the command has 0.3."""
    (tmp_path / "argus.conf").write_text(f"[database]\nurl = sqlite:///{tmp_path}/argus.db\n")
    schema.upgrade(open_store(f"sqlite:///{tmp_path}/argus.db"))
    words = ["--config-file", f"{tmp_path}/argus.conf", "incidents"]
    program = f"import sys; from argus.cli import main; assert main({words!r}) == 0; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.split())
    unwanted = {
        "alembic",
        "celery",
        "requests",
        "argus.catalogue",
        "argus.correlator.rules",
        "pyzabbix",
        "mako",
    }
    assert loaded & unwanted == set()


def test_the_newest_revision_is_known_without_alembic() -> None:
    assert schema.newest() == schema.revisions()[0].revision
