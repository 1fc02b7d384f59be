"""What was chosen on hosts waits in a file while a template is imported, and is not lost with the process."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest

from argus.zabbix.api import Zabbix, ZabbixError
from argus.zabbix.host_choices import Choice, HostChoices, read_choices

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, Any]

CHOICES = [Choice("item", "21", {"status": "0", "history": "3d"}), Choice("trigger", "31", {"priority": "5"})]


class Objects(Zabbix):
    """Stands in for a Zabbix: rows by kind, one template of id 1; it filters and searches as the API does."""

    def __init__(self, **kinds: list[Row]) -> None:
        super().__init__("http://zabbix.invalid")
        self.kinds = kinds
        self.hosts = ["101", "102"]
        self.rows_read = 0

    def read(self, method: str, /, **params: Any) -> Any:
        kind = method.removesuffix(".get")
        if kind == "template":
            return [] if "parentTemplateids" in params else [{"templateid": "1"}]
        if kind == "host":
            return [{"hostid": number} for number in self.hosts]
        rows = self.kinds.get(kind, [])
        ids = params.get("itemids") or params.get("triggerids")
        key = "triggerid" if kind.startswith("trigger") else "itemid"
        found = [row for row in rows if ids is None or row[key] in ids]
        if "templateids" in params:
            return [row for row in found if row["templateid"] == "0"]
        for field, values in params.get("filter", {}).items():
            wanted = {values} if isinstance(values, str) else {str(value) for value in values}
            found = [row for row in found if row[field] in wanted]
        if "hostids" in params:
            found = [row for row in found if row["hostid"] in params["hostids"]]
        if params.get("countOutput"):
            return str(len(found))
        self.rows_read += len(found)
        return found

    def call(self, method: str, /, *args: Any, **_params: Any) -> Any:
        for change in args:
            key = next(name for name in ("itemid", "triggerid") if name in change)
            for row in self.kinds[method.removesuffix(".update")]:
                if row[key] == change[key]:
                    row.update(change)


def item(number: str, parent: str, **fields: str) -> Row:
    return {
        "itemid": number,
        "templateid": parent,
        "status": "1",
        "history": "7d",
        "trends": "365d",
        **fields,
    }


def trigger(number: str, parent: str, **fields: str) -> Row:
    return {"triggerid": number, "templateid": parent, "status": "0", "priority": "2", **fields}


@pytest.fixture
def zabbix() -> Objects:
    """An item that is off in the template and on on a host, and a trigger that is more severe there."""
    return Objects(
        item=[
            item("20", "0"),
            item("21", "20", hostid="101", status="0", history="3d"),
            item("22", "20", hostid="102"),
        ],
        trigger=[trigger("30", "0"), trigger("31", "30", priority="5"), trigger("32", "30")],
    )


def reset(zabbix: Objects) -> None:
    """As an import does."""
    zabbix.call("item.update", {"itemid": "21", "status": "1", "history": "7d"})
    zabbix.call("trigger.update", {"triggerid": "31", "priority": "2"})


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return tmp_path / "token"


def test_only_what_differs_from_the_template_is_a_choice(zabbix: Objects) -> None:
    assert read_choices(zabbix, "Argus KVM node by trapper") == CHOICES


def test_one_choice_among_many_hosts_is_found_without_reading_them_all(zabbix: Objects) -> None:
    zabbix.hosts = [str(number) for number in range(1000)]
    zabbix.kinds["item"] += [item(f"1{number}", "20", hostid=number) for number in zabbix.hosts]
    assert read_choices(zabbix, "") == CHOICES
    assert zabbix.rows_read < 100


def test_what_an_apply_that_was_killed_left_is_planned_and_put_back_once(
    zabbix: Objects, token: Path
) -> None:
    HostChoices(token).keep(zabbix, read_choices(zabbix, ""))
    reset(zabbix)
    (file,) = token.parent.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (change,) = HostChoices(token).plan(zabbix)
    assert (change.kind, change.details[0].split()[0]) == ("choices on hosts", "2")
    change.do()
    assert read_choices(zabbix, "") == CHOICES
    assert not file.exists()
    assert HostChoices(token).plan(zabbix) == []


def test_what_is_left_counts_when_a_second_import_begins(zabbix: Objects, token: Path) -> None:
    HostChoices(token).keep(zabbix, read_choices(zabbix, ""))
    reset(zabbix)
    zabbix.call("item.update", {"itemid": "22", "status": "0"})
    newer = read_choices(zabbix, "")
    HostChoices(token).keep(zabbix, newer)
    HostChoices(token).put_back(zabbix)
    assert sorted(read_choices(zabbix, ""), key=str) == sorted([*CHOICES, *newer], key=str)


def test_an_object_that_is_gone_meanwhile_stops_nothing(zabbix: Objects, token: Path) -> None:
    HostChoices(token).keep(zabbix, CHOICES)
    reset(zabbix)
    zabbix.kinds["item"] = []
    HostChoices(token).put_back(zabbix)
    assert read_choices(zabbix, "") == CHOICES[1:]


def test_numbers_of_another_zabbix_mean_nothing(zabbix: Objects, token: Path) -> None:
    HostChoices(token).keep(zabbix, CHOICES)
    zabbix.url = "http://another.invalid"
    assert HostChoices(token).plan(zabbix) == []


def test_without_a_choice_nothing_is_written(zabbix: Objects, token: Path) -> None:
    HostChoices(token).keep(zabbix, [])
    assert list(token.parent.iterdir()) == []


def test_a_file_that_cannot_be_read_is_named(zabbix: Objects, token: Path) -> None:
    file = token.with_name("token.choices")
    file.write_text('{"url": "x", "choices": [')
    with pytest.raises(ZabbixError, match=str(file)):
        HostChoices(token).plan(zabbix)
