"""What quotas stopped, from cpu.stat of the guest's group, of libvirt's group in it and of each vCPU's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from argus_agent.kernel.quota import stopped_seconds

if TYPE_CHECKING:
    from pathlib import Path

V2 = "nr_periods 40\nnr_throttled 9\nthrottled_usec {}\n"
V1 = "nr_periods 40\nnr_throttled 9\nthrottled_time {}\n"


def group(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.stat").write_text(text)


@pytest.mark.parametrize("place", ["", "libvirt"])
def test_what_stops_the_whole_guest_stops_each_vcpu(tmp_path: Path, place: str) -> None:
    group(tmp_path / place, V2.format(3_000_000))
    stopped = stopped_seconds(str(tmp_path), 2)
    assert stopped == {0: 3.0, 1: 3.0}
    assert stopped.joint == 3.0


@pytest.mark.parametrize("place", ["libvirt/vcpu1", "vcpu1"])
def test_a_quota_of_a_vcpu_stops_that_one(tmp_path: Path, place: str) -> None:
    group(tmp_path / place, V1.format(2_000_000_000))
    stopped = stopped_seconds(str(tmp_path), 2)
    assert stopped == {1: 2.0}
    assert stopped.joint == 0.0


def test_quotas_at_every_level_add_up(tmp_path: Path) -> None:
    for place, microseconds in (("", 1_000_000), ("libvirt", 2_000_000), ("libvirt/vcpu0", 4_000_000)):
        group(tmp_path / place, V2.format(microseconds))
    stopped = stopped_seconds(str(tmp_path), 2)
    assert stopped == {0: 7.0, 1: 3.0}
    assert stopped.joint == 3.0


def test_a_group_without_a_quota_stops_nobody(tmp_path: Path) -> None:
    group(tmp_path, "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n")
    group(tmp_path / "libvirt", "usage_usec 5\n")
    assert not stopped_seconds(str(tmp_path), 2)
