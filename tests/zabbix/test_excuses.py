"""What the tests on a real Zabbix let pass is what they name, and no more."""

from __future__ import annotations

from zabbix_items import REASONS
from zabbix_widgets import EMPTY

from argus.catalogue import SUBSYSTEMS
from argus.render.names import HOSTS
from argus.render.template import template_document


def test_no_item_that_is_off_is_excused() -> None:
    off = [metric.zabbix_key for metrics in REASONS.values() for metric in metrics if not metric.shown]
    assert off == []


def test_an_item_has_one_excuse() -> None:
    excused = [metric.zabbix_key for metrics in REASONS.values() for metric in metrics]
    assert len(excused) == len(set(excused))


def test_a_widget_that_is_excused_is_there() -> None:
    there = set()
    for host in HOSTS:
        (template,) = template_document(host, SUBSYSTEMS)["zabbix_export"]["templates"]
        for page in template["dashboards"][0]["pages"]:
            for widget in page["widgets"]:
                (shown,) = [part["value"] for part in widget["fields"] if isinstance(part["value"], dict)]
                there.add(f"{host}: {page['name']}: {widget.get('name') or shown['name']}")
    assert set(EMPTY) <= there
