"""What Zabbix is told of a fleet is what its report says, in base units, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from told_cloud import report, scope

from argus.catalogue import capacity
from argus.correlator.capacity.report import Report
from argus.reporting_capacity import document

if TYPE_CHECKING:
    from argus.catalogue.model import Metric

NOW = 1_800_000_000.0
FULL = report("c/R1", NOW - 60)


def test_a_report_is_told_in_base_units() -> None:
    told = document(FULL, NOW)
    assert told[capacity.HOSTS_OPEN.field] == 1
    assert told[capacity.VCPUS_FREE.field] == 6
    assert told[capacity.VCPUS_USED.field] == 24 / 32
    assert told[capacity.MEMORY_FREE.field] == 512 * 2**20
    assert told[capacity.FULL_IN.field] == 10 * 86400
    assert told[capacity.FULL_EARLY.field] == 8 * 86400, "of the same resource, not the earliest of any"
    assert capacity.FULL_LATE.field not in told
    assert (told[capacity.DRIFT.field], told[capacity.NOISY.field]) == (3, 1)
    assert told[capacity.QUOTA_CORES.field] == 1.5
    assert told[capacity.AGE.field] == 60
    assert told["flavors"] == [{"flavor": "m1", capacity.FITS.field: 3}]
    (part,) = told["scopes"]
    assert (part["scope"], part[capacity.SCOPE_MEMORY_PROMISED.field]) == ("az:a", 0.25)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (capacity.OVER, 1),
        (capacity.VCPUS_PROMISED, 3.0),
        (capacity.MEMORY_PROMISED, 0.25),
        (capacity.STEAL, 0.2),
        (capacity.CPU_STALL, 0.4),
        (capacity.MEMORY_STALL, 0.1),
        (capacity.SWAP, 7.0),
        (capacity.BALLOONED, 5.0),
    ],
)
def test_what_rules_judge_by_is_told_too(metric: Metric, value: float) -> None:
    assert document(FULL, NOW)[metric.field] == value


def test_only_the_loss_of_one_compute_counts() -> None:
    told = document(FULL, NOW)
    assert (told[capacity.LOSSES_SHORT.field], told[capacity.STRANDED.field]) == (1, 5)


def test_what_is_not_known_is_absent() -> None:
    told = document(Report("agents", NOW, missing={"servers": "not permitted"}), NOW)
    assert told == {capacity.UNREAD.field: 1, capacity.AGE.field: 0.0}


def test_no_loss_that_was_tried_is_not_none_that_is_short() -> None:
    assert capacity.LOSSES_SHORT.field not in document(Report("c", NOW, (scope("all"),)), NOW)
    survived = document(Report("c", NOW, (scope("all"),), {"host": 2}), NOW)
    assert survived[capacity.LOSSES_SHORT.field] == 0
