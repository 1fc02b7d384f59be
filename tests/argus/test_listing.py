"""Tables fit a terminal of 80 columns, and lose nothing there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from argus.listing import WIDE, table_of
from argus.store.models import IncidentRow

if TYPE_CHECKING:
    from argus.store.engine import Store

SUBJECT = "RegionOne/neutron/neutron-openvswitch-agent@compute-rack12-node07.example.org"
SUMMARY = "neutron-openvswitch-agent on compute-rack12-node07.example.org does not report any more"


@pytest.mark.parametrize("width", [80, 100, 200])
def test_incidents_fit_the_terminal_and_say_all(
    store: Store, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    row = IncidentRow(
        id=7,
        rule="part_is_down",
        subject=SUBJECT,
        phase="open",
        severity="AVERAGE",
        summary=SUMMARY,
        evidence={},
        since=time.time() - 400,
        seen_at=0,
        held="Zabbix cannot be read",
        label="",
        cause_rule="service_is_down",
    )
    with store.write() as session:
        session.add(row)
        session.flush()
        Console(highlight=False, width=width).print(table_of([row], width))
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= width for line in lines)
    said = {word for line in lines for word in line.split()}
    assert {"AVERAGE", "7", "6.7", "min", "any", "more", "read]"} <= said
    assert SUBJECT in "".join(lines) or width < WIDE
