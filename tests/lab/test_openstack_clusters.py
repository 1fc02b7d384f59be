"""Real clusters of three: one less is degraded, a minority is an outage, and a page that must render does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from stack.components.openstack import galera, rabbitmq_cluster
from stack.components.openstack.settings import HOST, url
from stack.lab import Lab as Stack
from tests.lab.cloud_watch import TIMEOUT_SECONDS, Watch, watching, watching_what

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.components.openstack.cloud import Cloud
    from tests.lab.conftest import Lab

pytestmark = [pytest.mark.openstack, pytest.mark.faults]

SLOW = 60  # s: for what a busy machine does in ten
PART, BASE = "part_is_down", "infrastructure_is_down"


@contextmanager
def watched(cloud: Cloud, folder: Path, **check: Any) -> Iterator[Watch]:
    """One check, and nothing else; its messages are of `c/r/...`."""
    (folder / "secret").write_text(cloud.lab.password("openstack-monitor"))
    login = {"username": "argus_monitor", "password_file": str(folder / "secret")}
    where = {"cloud": "c", "region": "r", "timeout": f"{TIMEOUT_SECONDS}s"}
    file = folder / "services.yaml"
    file.write_text(yaml.safe_dump({"checks": [{**check, **login, **where}]}))
    with watching_what(file, "", folder) as made:
        made.until(lambda bad: not bad, SLOW)
        yield made


def ports(names: tuple[str, ...], what: str = "") -> list[str]:
    known = Stack.open().ports
    return [f"{HOST}:{known[name + what]}" for name in names]


def test_galera_lives_as_long_as_it_has_a_majority(cloud: Cloud, lab: Lab, tmp_path: Path) -> None:
    with lab.further("galera"):
        hosts = ports(galera.NAMES)
        check = {"name": "galera", "kind": "mysql", "hosts": hosts, "galera": True}
        with watched(cloud, tmp_path, **check) as watch:
            cloud.stop("galera-3")
            bad = watch.until(lambda bad: "r/galera" in bad, TIMEOUT_SECONDS + SLOW)
            assert bad["r/galera"].startswith("degraded")
            watch.held()
            assert watch.told() == [(PART, f"r/galera/member@{hosts[2]}", "open")]
            cloud.kill("galera-3")  # what stands still for long is put out of the cluster, and ends there
            cloud.kill("galera-2")
            bad = watch.until(lambda bad: "non-Primary" in bad["r/galera"], SLOW)
            assert bad["r/galera"].startswith("down: 0 of 3 member up")
            watch.held()
            merged = (PART, f"r/galera/member@{hosts[2]}", "resolve")
            assert sorted(watch.told()[1:]) == [(BASE, "r/galera", "open"), merged], "it is a symptom now"
            cloud.start("galera-2")
            cloud.start("galera-3")
            watch.healed(SLOW)
            ended = {(rule, subject) for rule, subject, kind in watch.told() if kind == "resolve"}
            assert ended == {(PART, f"r/galera/member@{hosts[2]}"), (BASE, "r/galera")}
            assert watch.still_open() == []


def test_rabbitmq_lives_as_long_as_it_has_a_majority(cloud: Cloud, lab: Lab, tmp_path: Path) -> None:
    with lab.further("rabbitmq-cluster"):
        amqp = ports(rabbitmq_cluster.NAMES)
        first, *others = (f"http://{each}" for each in ports(rabbitmq_cluster.NAMES, ":management"))
        check = {"name": "queue", "kind": "rabbitmq", "url": first, "more_urls": others, "amqp": amqp}
        with watched(cloud, tmp_path, **check) as watch:
            cloud.stop("rabbit-1")  # the one that is asked first
            bad = watch.until(lambda bad: f"r/queue/amqp@{amqp[0]}" in bad, TIMEOUT_SECONDS + SLOW)
            assert bad["r/queue"].startswith("degraded"), bad
            watch.held()
            assert watch.told() == [(PART, f"r/queue/amqp@{amqp[0]}", "open")]
            cloud.kill("rabbit-1")
            cloud.kill("rabbit-2")
            watch.until(lambda bad: bad["r/queue"].startswith("down"), SLOW)  # the third stops by itself
            watch.held()
            merged = (PART, f"r/queue/amqp@{amqp[0]}", "resolve")
            assert sorted(watch.told()[1:]) == [(BASE, "r/queue", "open"), merged], "it is a symptom now"
            cloud.start("rabbit-2")
            cloud.start("rabbit-1")
            watch.healed(SLOW)
            ended = {(rule, subject) for rule, subject, kind in watch.told() if kind == "resolve"}
            assert ended == {(PART, f"r/queue/amqp@{amqp[0]}"), (BASE, "r/queue")}
            assert watch.still_open() == []


def test_a_dashboard_is_down_when_its_page_to_log_in_does_not_render(
    cloud: Cloud, lab: Lab, tmp_path: Path
) -> None:
    with lab.further("horizon"):
        page = url(Stack.open(), "horizon") + "/"
        with watching(cloud, tmp_path, dashboard=page) as watch:
            watch.until(lambda bad: not bad, SLOW)
            before = len(watch.told())
            cloud.kill("horizon")
            watch.until(lambda bad: "/horizon" in bad, TIMEOUT_SECONDS)
            watch.held()
            cloud.start("horizon")
            watch.healed(SLOW)
            cloud.stop("horizon")
            watch.until(lambda bad: "/horizon" in bad, 2 * TIMEOUT_SECONDS)
            watch.held()
            cloud.cont("horizon")
            watch.healed(SLOW)
            changes = ["open", "resolve", "open", "resolve"]
            assert watch.told()[before:] == [("service_is_down", "horizon", each) for each in changes]
            cloud.kill("memcached")  # where its sessions are: status 500, and a page without a form
            bad = watch.until(lambda bad: "/horizon" in bad, TIMEOUT_SECONDS)
            cloud.start("memcached")
            assert bad["/horizon"].startswith("down: 500"), bad
            watch.until(lambda bad: not bad, SLOW)
