"""Values of a node as the correlator gets them: base units, and nothing that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from empty_zabbix import empty_zabbix

from argus.catalogue import allocation, ksm, libvirt, node_pressure, node_vmstat, thp
from argus.catalogue.model import Metric
from argus.zabbix.api import Zabbix
from argus.zabbix.feeds import (
    _NODE_METRICS,
    STALE_AFTER,
    TEXT_STALE_AFTER,
    node_values,
    read_foreign_problems,
    read_problems,
    read_unseen,
    shown_triggers,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000


def row(metric: Metric, value: str, age: float = 0) -> dict[str, str]:
    return {"key_": metric.zabbix_key, "lastvalue": value, "lastclock": str(int(NOW - age)), "lastns": "0"}


def test_percent_becomes_a_ratio_again() -> None:
    node = node_values("n1", [row(allocation.VCPU_RATIO, "150"), row(libvirt.UP, "0")])
    assert node.values == {"allocation_vcpu_overcommit_ratio": 1.5, "libvirt_up": 0.0}
    assert (node.host, node.at) == ("n1", NOW)


def test_pressure_is_a_share_of_time_and_other_rates_are_not_read() -> None:
    stalled = node_pressure.STALLED["memory", "some"]
    assert stalled.zabbix_key in _NODE_METRICS
    assert node_vmstat.SWAP_IN.zabbix_key not in _NODE_METRICS
    assert node_values("n1", [row(stalled, "25")]).values == {stalled.field: 0.25}


def test_an_item_that_never_got_a_value_is_absent() -> None:
    never = row(ksm.RUN, "0") | {"lastclock": "0"}
    node = node_values("n1", [never])
    assert node.values == {}
    assert node.at == 0


def test_a_value_that_is_no_longer_sent_is_absent_while_others_come() -> None:
    stale = row(allocation.VCPU_RATIO, "150", age=STALE_AFTER + 1)
    node = node_values("n1", [row(libvirt.UP, "0"), stale])
    assert set(node.values) == {"libvirt_up"}


def test_a_silent_node_keeps_its_last_values_with_their_age() -> None:
    node = node_values("n1", [row(libvirt.UP, "1", age=9_000)])
    assert node.values == {"libvirt_up": 1.0}
    assert node.at == NOW - 9_000


def test_texts_are_stored_seldom_and_live_longer() -> None:
    texts = [
        row(thp.ENABLED, "madvise", age=TEXT_STALE_AFTER - 1),
        row(thp.DEFRAG, "x", age=TEXT_STALE_AFTER + 1),
    ]
    assert set(node_values("n1", [row(libvirt.UP, "1"), *texts]).values) == {"libvirt_up", "thp_enabled"}


def test_every_value_has_its_clock() -> None:
    node = node_values("n1", [row(libvirt.UP, "1"), row(ksm.RUN, "1", age=60)])
    assert node.clock("ksm_run") == NOW - 60


class Shown:
    """A Zabbix that shows some hosts, and counts what it is asked."""

    def __init__(self, *hosts: str) -> None:
        self.hosts, self.asked = hosts, 0

    def read(self, method: str, **params: Any) -> list[dict[str, str]]:
        assert method == "host.get"
        self.asked += 1
        return [{"host": host} for host in self.hosts if host in params["filter"]["host"]]


def test_hosts_that_zabbix_does_not_show_are_named_and_nothing_is_asked_without_need() -> None:
    zabbix = Shown("g1", "g2")
    assert read_unseen(cast("Zabbix", zabbix), {"g1", "g3"}) == ("g3",)
    assert read_unseen(cast("Zabbix", zabbix), ()) == ()
    assert zabbix.asked == 1


def event(
    number: int, severity: int, *, ours: bool, tags: tuple[tuple[str, str], ...] = ()
) -> dict[str, Any]:
    return {
        "eventid": str(number),
        "objectid": str(10 * number),
        "name": f"problem {number}",
        "severity": str(severity),
        "clock": "1000",
        "ns": "500000000",
        "acknowledged": "0",
        "suppressed": "1",
        "tags": [{"tag": tag, "value": value} for tag, value in tags],
        "ours": ours,
    }


def test_severe_problems_of_other_hosts_are_read_beside_all_of_ours(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a" * 64)
    tags = (("team", "cloud"), ("team", "dba"), ("argus", "md_degraded"))
    with empty_zabbix() as api:
        api.rows["problem.get"] = [
            event(1, 2, ours=True, tags=tags),
            event(2, 5, ours=True),
            event(3, 4, ours=False),
            event(4, 3, ours=False),
            event(5, 5, ours=False),
        ]
        api.rows["trigger.get"] = [
            {"triggerid": str(10 * n), "hosts": [{"host": "b"}, {"host": "a"}]} for n in (1, 2, 3, 4)
        ]
        with Zabbix.with_token_file(api.url, tmp_path / "token", timeout=5) as zabbix:
            mine = read_problems(zabbix)
            others = read_foreign_problems(zabbix, 4, mine)
            shown = shown_triggers(zabbix, {"10", "50"})
    assert [(each.eventid, each.foreign) for each in (*mine, *others)] == [
        ("1", False),
        ("2", False),
        ("3", True),
    ]
    first = mine[0]
    assert (first.host, first.also_on, first.trigger_id, first.trigger_ident) == (
        "a",
        ("b",),
        "10",
        "md_degraded",
    )
    assert (first.tags["team"], first.more_tags, first.suppressed) == ("cloud", (("team", "dba"),), True)
    assert shown == {"10"}
