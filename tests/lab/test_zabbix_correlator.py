"""The correlator tells Zabbix about itself, and Zabbix notices when it does not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from fed_host import FedHost
from redis import Redis

from argus import broker, config, reporting, site
from argus.catalogue import correlator
from argus.zabbix.api import Zabbix, ZabbixError
from argus.zabbix.desired import CORRELATOR
from argus.zabbix.trapper import Trappers

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab


def test_incidents_messages_and_tasks_are_items_of_the_correlators_host(lab: Lab) -> None:
    made = site.from_config(config.load(lab.env["ARGUS_CONFIG"]))
    made = dataclasses.replace(made, trappers=Trappers((lab.zabbix_server,)))
    age = correlator.TASK_AGE.zabbix_key.replace("{#TASK}", "correlate")
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        host = FedHost(zabbix, lab.zabbix_server, "correlator", CORRELATOR)
        lab.wait_until(lambda: reporting.report(made) and host.newest(age) is not None, timeout=30, every=1)
        assert float(host.newest(age) or "inf") < 300
        assert host.newest(correlator.OPEN.zabbix_key) is not None
        assert host.newest(correlator.DEAD.zabbix_key) is not None
    made.store.engine.dispose()


def test_the_length_of_the_queue_is_what_redis_holds(lab: Lab) -> None:
    own = urlsplit(lab.redis_url)._replace(path="/9").geturl()  # a database that nobody uses
    with Redis.from_url(own) as client:
        try:
            assert broker.waiting(own) == 0
            client.lpush(broker.QUEUE, "a", "b", "c")
            assert broker.waiting(own) == 3
        finally:
            client.flushdb()


def test_the_worker_tells_how_long_the_queue_is(lab: Lab) -> None:
    with Zabbix.login(lab.zabbix_url, lab.env["ZABBIX_USER"], lab.env["ZABBIX_PASSWORD"]) as zabbix:
        host = FedHost(zabbix, lab.zabbix_server, "correlator", CORRELATOR)
        told = lab.wait_until(lambda: host.newest(correlator.QUEUE.zabbix_key), timeout=60)
    assert int(told or -1) in range(100)


def test_a_server_that_does_not_take_values_is_named(lab: Lab) -> None:
    made = site.from_config(config.load(lab.env["ARGUS_CONFIG"]))
    with pytest.raises(ZabbixError, match=r"127\.0\.0\.1:1: .*refused"):
        reporting.report(dataclasses.replace(made, trappers=Trappers((("127.0.0.1", 1),))))
    made.store.engine.dispose()
