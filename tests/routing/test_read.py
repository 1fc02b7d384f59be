"""``routes.yaml`` is read strictly: each mistake is named with its line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from argus import notify
from argus.routing.read import read
from argus.routing.tree import Router
from argus.routing.yaml_lines import RoutesError

GOOD = """\
receivers:
  - name: ops
    email_configs:
      - to: ops@example.org, night@example.org
  - name: boss
    webhook_configs:
      - url: http://127.0.0.1:9/a
      - url: http://127.0.0.1:9/b
time_intervals:
  - name: nights
    time_intervals:
      - times:
          - start_time: "22:00"
            end_time: "24:00"
          - start_time: "00:00"
            end_time: "07:00"
        weekdays: ["monday:friday"]
        location: Europe/Berlin
fallback: ops
route:
  receiver: ops
  group_wait: 10s
  routes:
    - matchers: ['severity="WARNING"']
      mute_time_intervals: [nights]
    - receiver: boss
      matchers: ['rule=~"node_.*"', 'node!="lab"']
      continue: true
      group_wait: 0s
    - matchers: ['severity="HIGH"']
      escalate:
        - after: 15m
          receiver: boss
"""
TUESDAY_NOON = 1_700_566_200.0  # 2023-11-21 11:30 UTC, 12:30 in Berlin
TUESDAY_NIGHT = TUESDAY_NOON + 12 * 3600  # half past midnight there


def router(tmp_path: Path, text: str = GOOD) -> Router:
    file = tmp_path / "routes.yaml"
    file.write_text(text)
    return read(file, notify.options())


def told(made: Router, at: float, **labels: str) -> dict[str, float]:
    return {due.target: due.at - at for due in made.due(labels, at)}


OPS = {"email:ops@example.org": 10.0, "email:night@example.org": 10.0}
BOSS = {"webhook:boss": 0.0, "webhook:boss.2": 0.0}


def test_what_no_route_takes_goes_to_the_first_receiver(tmp_path: Path) -> None:
    assert told(router(tmp_path), TUESDAY_NOON, severity="AVERAGE") == OPS


def test_a_route_that_continues_is_not_the_only_one(tmp_path: Path) -> None:
    labels = {"severity": "HIGH", "rule": "node_does_not_report", "node": "cmp1"}
    assert told(router(tmp_path), TUESDAY_NOON, **labels) == {**OPS, **BOSS}


def test_an_escalation_is_due_later_for_others(tmp_path: Path) -> None:
    found = told(router(tmp_path), TUESDAY_NOON, severity="HIGH", rule="x")
    assert found == {**OPS, "webhook:boss": 910.0, "webhook:boss.2": 910.0}, (
        "its clock starts with the first page"
    )
    steps = {due.target: due.step for due in router(tmp_path).due({"severity": "HIGH"}, TUESDAY_NOON)}
    assert steps["webhook:boss"] == 1


def test_what_is_muted_at_night_is_told_in_the_morning_not_dropped(tmp_path: Path) -> None:
    made = router(tmp_path)
    assert told(made, TUESDAY_NOON, severity="WARNING") == OPS
    night = told(made, TUESDAY_NIGHT, severity="WARNING")
    assert set(night.values()) == {6.5 * 3600}


def test_the_fallback_is_told_in_place_of_others(tmp_path: Path) -> None:
    made = router(tmp_path)
    assert made.fallback_targets("webhook:boss") == tuple(OPS)
    assert made.fallback_targets("email:ops@example.org") == ("email:night@example.org",)


MISTAKES = {
    "receiver": ("receiver: boss\n      m", "receiver: bos\n      m", ":26: there is no receiver bos"),
    "matcher": ('node!="lab"', "node like lab", ":27: 'node like lab' is no matcher"),
    "label": ('node!="lab"', 'hots="lab"', "incidents have no label hots"),
    "expression": ('rule=~"node_.*"', 'rule=~"("', "the regular expression is wrong"),
    "word": ("group_wait: 10s", "group_wiat: 10s", "unknown word group_wiat; did you mean group_wait"),
    "duration": ("group_wait: 10s", "group_wait: 10", "'10' is no duration"),
    "not used": ("group_wait: 10s", "group_interval: 4h", "group_interval is not used: "),
    "option": ("- url: http://127.0.0.1:9/a", "- uri: x", ":7: unknown word uri; did you mean url"),
    "interval": ("[nights]", "[days]", "there is no time interval days; there are nights"),
    "zone": ("Europe/Berlin", "Europe/Berlni", "unknown time zone"),
    "span": ('end_time: "24:00"', 'end_time: "21:00"', "start_time must be before end_time"),
    "weekday": ("monday:friday", "monday:fryday", "'fryday' is no weekday"),
    "twice": ("- name: boss", "- name: ops", "there are two receivers called ops"),
    "no YAML": ("fallback: ops", "fallback: [ops", "expected"),
    "boolean": ("continue: true", "continue: yes!", "neither true nor false"),
    "unreachable": (
        """['severity="HIGH"']""",
        """['severity="WARNING"', 'rule="x"']""",
        ":30: this route is never reached: the one in line 24 takes all that matches it",
    ),
    "root": ("  group_wait: 10s", "  matchers: ['rule=\"x\"']", "takes everything"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_file_and_line(tmp_path: Path, mistake: str) -> None:
    right, wrong, says = MISTAKES[mistake]
    assert right in GOOD
    with pytest.raises(RoutesError) as caught:
        router(tmp_path, GOOD.replace(right, wrong, 1))
    text = str(caught.value)
    assert says in text
    assert all(line.startswith(f"{tmp_path}/routes.yaml:") for line in text.splitlines())


def test_a_route_below_one_that_wants_something_else_is_never_reached(tmp_path: Path) -> None:
    lower = "      routes:\n        - matchers: ['severity=\"WARNING\"']\n"
    with pytest.raises(RoutesError, match='never reached: the one above it wants severity="HIGH"'):
        router(tmp_path, GOOD + lower)


@pytest.mark.parametrize("text", ["", "- a", "receivers: []", "route: {}\nreceivers: []"])
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RoutesError):
        router(tmp_path, text)


SEVERAL = """\
receivers:
  - name: ops
    email_configs:
      - to: ops@example.org
        title: "{severity} on {hots}"
        send_resolved: true
  - name: hook
    webhook_configs:
      - url: example.org/hook
        limit: lots
inhibit_rules: []
route:
  receiver: ops
  group_by: [node]
  routes:
    - receiver: bos
      matchers: ['hots="x"', 'node=~"("']
    - matchers: ['severity="HIGH"']
    - matchers: ['severity="HIGH"', 'node="a"']
      group_wait: soon
      active_time_intervals: [days]
"""


def test_all_mistakes_are_named_at_once_each_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RoutesError) as caught:
        router(tmp_path, SEVERAL)
    found = [line.removeprefix(f"{tmp_path}/routes.yaml:") for line in str(caught.value).splitlines()]
    assert [int(line.partition(":")[0]) for line in found] == [5, 6, 9, 10, 11, 14, 16, 17, 17, 19, 20, 21]
    assert "there is no variable hots; there are head, severity," in found[0]
    assert "limit: of a receiver folds the rest into a digest" in found[5]
    assert "never reached: the one in line 18" in found[9]


def test_what_is_told_only_in_an_interval_waits_for_it(tmp_path: Path) -> None:
    made = router(tmp_path, GOOD.replace("mute_time_intervals", "active_time_intervals"))
    assert set(told(made, TUESDAY_NIGHT, severity="WARNING").values()) == {10.0}
    assert set(told(made, TUESDAY_NOON, severity="WARNING").values()) == {9.5 * 3600}


DAYS = {
    "days_of_month: ['-1']": (9, 0),  # the 30th of November
    "days_of_month: ['1', '24:26']": (3, 0),
    "months: ['december:december']": (10, 0),
    "months: ['12']": (10, 0),
    "years: ['2024']": (41, 0),
}


@pytest.mark.parametrize("words", DAYS)
def test_days_months_and_years_are_those_of_the_place(tmp_path: Path, words: str) -> None:
    days, hour = DAYS[words]
    text = GOOD.replace("mute_time", "active_time").replace('weekdays: ["monday:friday"]', words)
    text = text.replace('"22:00"', '"07:00"').replace("22:00", "07:00")
    (due, *_) = router(tmp_path, text).due({"severity": "WARNING"}, TUESDAY_NOON)
    starts = datetime.fromtimestamp(due.at, ZoneInfo("Europe/Berlin"))
    noon = datetime.fromtimestamp(TUESDAY_NOON, ZoneInfo("Europe/Berlin")).replace(hour=0, minute=0)
    assert ((starts.date() - noon.date()).days, starts.hour) == (days, hour)


def test_a_repeat_is_inherited_and_told_of_each_target(tmp_path: Path) -> None:
    made = router(tmp_path, GOOD.replace("group_wait: 10s", "repeat_interval: 4h"))
    assert {due.repeat for due in made.due({"severity": "HIGH"}, TUESDAY_NOON)} == {4 * 3600.0}
