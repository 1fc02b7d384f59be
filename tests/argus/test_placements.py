"""``argus placements``: who ran where, and when."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from argus.errors import ArgusError
from argus.placements import show
from argus.store.models import GuestRow, PlacementRow

if TYPE_CHECKING:
    from argus.store.engine import Store

HOUR = 3600.0


@pytest.fixture
def moved(store: Store) -> Store:
    """``web`` moved from cmp1 to cmp2 an hour ago; ``db`` was always on cmp2."""
    now = time.time()
    with store.write() as session:
        session.add(GuestRow(uuid="g1", name="web", project="demo"))
        session.add(GuestRow(uuid="g2", name="db", project="demo"))
        for guest, node, since, until in (
            ("g1", "cmp1", now - 9 * HOUR, now - HOUR),
            ("g1", "cmp2", now - HOUR, None),
            ("g2", "cmp2", now - 9 * HOUR, None),
        ):
            session.add(PlacementRow(guest=guest, node=node, since=since, until=until))
    return store


def told(store: Store, capsys: pytest.CaptureFixture[str], what: str, at: str = "") -> list[Any]:
    assert show(store, what, at, form="json") == 0
    return [(each["name"], each["node"]) for each in json.loads(capsys.readouterr().out)]


@pytest.mark.parametrize("what", ["g1", "web"])
def test_a_guest_is_asked_for_by_uuid_or_name(
    moved: Store, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    assert told(moved, capsys, what) == [("web", "cmp1"), ("web", "cmp2")]
    assert told(moved, capsys, what, "2h") == [("web", "cmp1")]


def test_a_node_tells_who_is_there_or_was_there_then(
    moved: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(moved, capsys, "cmp2") == [("web", "cmp2"), ("db", "cmp2")]
    assert told(moved, capsys, "cmp2", "2h") == [("db", "cmp2")]
    assert told(moved, capsys, "cmp1") == []


def test_a_person_reads_how_long_it_lasted(moved: Store, capsys: pytest.CaptureFixture[str]) -> None:
    show(moved, "web", "", form="table")
    first, second = (line.split() for line in capsys.readouterr().out.splitlines()[1:])
    assert (first[3], first[-2:]) == ("cmp1", ["8.0", "h"])
    assert (second[3], second[-3:]) == ("cmp2", ["now", "1.0", "h"])


def test_who_is_unknown_is_said_in_one_line(moved: Store) -> None:
    with pytest.raises(ArgusError, match="no guest and no node 'cmp9'"):
        show(moved, "cmp9", "", form="table")


def test_a_time_before_all_records_is_not_a_time_without_guests(moved: Store) -> None:
    with pytest.raises(ArgusError, match="nothing is recorded of 'cmp2'"):
        show(moved, "cmp2", "100d", form="table")
