"""What an administrator sees of Argus in Zabbix 6.0 and in 7.0: items with values, and no empty widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from told_cloud import told
from zabbix_items import assert_items_have_values, in_trouble, items
from zabbix_widgets import EMPTY, disabled_lines, empty_of_fleet, empty_of_templates

from argus import config, site
from argus.zabbix.api import Zabbix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab.conftest import Lab


@pytest.fixture(scope="module")
def zabbix(each_zabbix: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zabbix]:
    """An administrator's session, while nodes, guests, a service and a fleet are told of."""
    installed = site.from_config(config.load(each_zabbix.env["ARGUS_CONFIG"]))
    login = (each_zabbix.zabbix_url, each_zabbix.env["ZABBIX_USER"], each_zabbix.env["ZABBIX_PASSWORD"])
    with Zabbix.login(*login) as session, told(session, installed, tmp_path_factory.mktemp("told")):
        each_zabbix.wait_until(lambda: len(items(session)) > 300, timeout=90, every=2)
        yield session


def test_every_enabled_item_has_a_value_or_a_reason(zabbix: Zabbix) -> None:
    assert_items_have_values(zabbix, timeout=90)


def test_no_item_and_no_discovery_rule_is_in_trouble(zabbix: Zabbix) -> None:
    assert in_trouble(zabbix) == []


@pytest.mark.parametrize("empty", [empty_of_templates, empty_of_fleet])
def test_no_widget_is_empty_without_a_reason(
    each_zabbix: Lab, zabbix: Zabbix, empty: Callable[[Zabbix], set[str]]
) -> None:
    unexplained: set[str] = set()

    def all_show_something() -> bool:
        unexplained.clear()
        unexplained.update(empty(zabbix) - EMPTY.keys())
        return not unexplained

    try:
        each_zabbix.wait_until(all_show_something, timeout=60, every=3)
    except AssertionError:
        pytest.fail(f"nothing to see: {sorted(unexplained)}")


def test_no_widget_shows_an_item_that_is_switched_off(zabbix: Zabbix) -> None:
    assert disabled_lines(zabbix) == set()
