"""Celery carries hints only: bounded, acknowledged late, never older than their use."""

from __future__ import annotations

import importlib
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from argus import config, tasks
from argus.app import CLOCKS_APART, VISIBILITY_SECONDS, Steady, make_app, schedule
from argus.schedule import JOBS

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_beat_wakes_every_job_and_no_message_is_older_than_clocks_may_differ(tmp_path: Path) -> None:
    (tmp_path / "argus.conf").write_text("[correlator]\ninterval = 7\n")
    table = schedule(config.load(str(tmp_path / "argus.conf")))
    assert set(table) == {job.name for job in JOBS}
    assert table["correlate"]["schedule"].run_every == timedelta(seconds=7)
    for entry in table.values():
        seconds = entry["schedule"].run_every.total_seconds()
        assert entry["options"]["expires"] == seconds + CLOCKS_APART, "a beat 3 s behind wakes them too"


@pytest.mark.parametrize(("ago", "due"), [(3, False), (8, True), (-2, False), (-86400, True)])
def test_beat_does_not_wait_out_a_clock_that_was_set_back(ago: float, due: bool) -> None:
    every = Steady(timedelta(seconds=7), nowfun=lambda: NOON)
    state = every.is_due(NOON - timedelta(seconds=ago))
    assert state.is_due is due
    assert 0 < state.next <= 14


def test_each_job_has_a_task_with_a_time_limit(tmp_path: Path) -> None:
    (tmp_path / "argus.conf").write_text("")
    app = make_app(config.load(str(tmp_path / "argus.conf")))
    app.loader.import_default_modules()
    app.finalize()
    for job in JOBS:
        task = app.tasks[f"argus.{job.name}"]
        assert task.time_limit == job.limit < VISIBILITY_SECONDS
        assert tasks.TASKS[job.name].name == task.name


def test_a_message_is_taken_back_from_a_worker_that_dies(tmp_path: Path) -> None:
    (tmp_path / "argus.conf").write_text("")
    conf = make_app(config.load(str(tmp_path / "argus.conf"))).conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.result_backend is None
    assert conf.broker_transport_options["visibility_timeout"] == VISIBILITY_SECONDS
    assert conf.task_publish_retry_policy["max_retries"] == 3


def test_a_bad_configuration_ends_celery_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "argus.conf").write_text("[celery]\nbroker = x\n")
    monkeypatch.setenv("ARGUS_CONFIG", str(tmp_path / "argus.conf"))
    module = importlib.import_module("argus.app")
    with pytest.raises(SystemExit) as ended:
        module.app  # noqa: B018  # what celery -A does
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "routes.yaml").write_text("route: {receiver: nobody}\n")
    (tmp_path / "argus.conf").write_text(f"[correlator]\nroutes_file = {tmp_path}/routes.yaml\n")
    with pytest.raises(SystemExit):
        module.app  # noqa: B018  # what celery -A does
    said = capsys.readouterr().err
    assert "routes.yaml:1: " in said
    assert said.count("\n") == 1
    assert "app" not in vars(sys.modules["argus.app"])
