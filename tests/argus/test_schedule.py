"""What each job may take, and that a site on which nothing is wrong has no job that is late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from empty_zabbix import empty_zabbix
from one_node import World, heard, one_node

from argus import config, reporting
from argus.catalogue import correlator
from argus.schedule import BY_NAME, JOBS, Performer, dated
from argus.site import ZabbixSource

if TYPE_CHECKING:
    from typing import Any

    from http_server import Inbox

    from argus.site import Site
    from argus.store.engine import Store

ROUTES = """\
receivers: [{name: ops, webhook_configs: [{url: "URL/ops"}]}]
route: {receiver: ops}
"""
QUIET = 46 * 60  # seconds
STEP = 20  # seconds


def conf_of(folder: Path, text: str = "") -> Any:
    (folder / "argus.conf").write_text(text)
    return config.load(str(folder / "argus.conf"))


@pytest.mark.parametrize("interval", [30, 300, 3600])
def test_how_old_the_success_of_a_job_may_be_follows_its_interval(tmp_path: Path, interval: int) -> None:
    conf = conf_of(tmp_path, f"[guests]\ninterval = {interval}\n[correlator]\ninterval = 3600\n")
    for job in JOBS:
        assert job.may_age(conf) >= max(300, 2 * job.every(conf) + 30 + job.slowest / 2), job.name
    assert BY_NAME["guests"].may_age(conf) >= 3 * interval
    assert BY_NAME["deliver"].may_age(conf) == 300, "what pages is missed soon"


def test_what_a_site_does_not_have_may_be_of_any_age(
    store: Store, world: World, inbox: Inbox, tmp_path: Path
) -> None:
    site = one_node(store, world, inbox, tmp_path, ROUTES)
    ages = dated(conf_of(tmp_path, "[exporter]\nlisten =\n"), site).may_age
    without = {name for name, age in ages.items() if not age}
    assert without == {"capacity", "services", "user_check", "guests", "follow", "exporter"}
    assert dated(conf_of(tmp_path), site).may_age["exporter"] == 300


@pytest.mark.slow
def test_a_quiet_site_has_no_task_that_is_late(
    store: Store, world: World, inbox: Inbox, tmp_path: Path
) -> None:
    """46 minutes in compressed time, each job at its own pace, looked at whenever it reports."""
    (tmp_path / "token").write_text("0" * 64)
    conf = conf_of(tmp_path, "[correlator]\nwatch_interval = 20\ndeliver_interval = 20\ninterval = 60\n")
    with empty_zabbix() as zabbix:
        made = one_node(store, world, inbox, tmp_path, ROUTES)
        site = dated(conf, replace(made, zabbix=ZabbixSource(zabbix.url, tmp_path / "token", 5.0)))
        performer = Performer(site)
        due = {job.name: world.now for job in JOBS}
        late: list[tuple[str, float]] = []
        oldest: dict[str, float] = {}
        for _ in range(QUIET // STEP):
            for job in JOBS:
                if due[job.name] <= world.now:
                    assert performer.perform(job), job.name
                    due[job.name] += job.every(conf)
            for task, age, limit in reported(site, world.now):
                oldest[task] = max(age, oldest.get(task, 0.0))
                late += [(task, age)] if age > limit else []
            world.now += STEP
    assert late == []
    assert oldest["watch"] <= 2 * STEP, "a look at which nothing happened is a success as well"
    assert {kind for _, kind in heard(inbox)} <= {"probe"}


def reported(site: Site, now: float) -> list[tuple[str, float, float]]:
    with site.store.read() as session:
        tasks = reporting.document(session, now, site.may_age)["tasks"]
    age, limit = correlator.TASK_AGE.field, correlator.TASK_MAY_AGE.field
    return [(each["task"], each[age], each[limit]) for each in tasks if age in each]
