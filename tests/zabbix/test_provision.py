"""`argus zabbix apply`: all is looked at before anything is changed, and done in order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from argus.zabbix.api import Zabbix, ZabbixError
from argus.zabbix.changes import CREATE, Change
from argus.zabbix.provision import apply

NOBODY = Zabbix("http://127.0.0.1:1")  # never asked: these resources know all by themselves


@dataclass
class Thing:
    """Wanted once; ``made`` is what a server would hold."""

    title: str
    made: list[str] = field(default_factory=list)

    def plan(self, _zabbix: Zabbix) -> list[Change]:
        if self.title in self.made:
            return []
        return [Change(CREATE, "thing", self.title, (), lambda: self.made.append(self.title))]


@dataclass
class Foreign:
    """Something of somebody else is where ours should be."""

    title: str = "foreign"

    def plan(self, _zabbix: Zabbix) -> list[Change]:
        raise ZabbixError("there is one of our name that is not ours")


def test_what_is_in_the_way_is_found_before_anything_is_made() -> None:
    made: list[str] = []
    with pytest.raises(ZabbixError, match="not ours"):
        apply(NOBODY, iter((Thing("first", made), Foreign())))
    assert made == []


def test_what_is_missing_is_made_once_and_in_order() -> None:
    made: list[str] = []
    wanted = (Thing("first", made), Thing("second", made))
    assert [change.name for change in apply(NOBODY, wanted)] == ["first", "second"]
    assert apply(NOBODY, wanted) == []
    assert made == ["first", "second"]
