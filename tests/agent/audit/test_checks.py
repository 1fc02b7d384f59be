"""The checks: what agrees is quiet, what differs says what was found, why it matters and what mends it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from argus_agent.audit.checks import audit
from argus_agent.audit.facts import DiskFacts, GuestFacts, NodeFacts
from argus_agent.audit.profile import Profile

GIB = 2**30
PROFILE = Profile(
    "test",
    ksm_run=0,
    thp_enabled="always",
    thp_defrag="never",
    khugepaged_defrag=0,
    io_schedulers=("mq-deadline", "none"),
    vhost_net=True,
    reserved_cpus=frozenset({0, 1}),
    memory_overcommit_max=1.0,
    guest_confined=True,
    guest_cpu_shares=True,
    guest_cpu_quota=True,
    guest_disk_cache="none",
    guest_io_limits=True,
)
GUEST = GuestFacts(
    "web",
    2 * GIB,
    (frozenset({2}), frozenset({3})),
    shares=1024,
    quota=50000,
    disks=(DiskFacts("vda", "none", limited=True),),
    nic_drivers=("vhost",),
)
NODE = NodeFacts(
    "cmp1",
    frozenset(range(8)),
    16 * GIB,
    ksm_run="0",
    thp_enabled="always",
    thp_defrag="never",
    khugepaged_defrag="0",
    schedulers={"sda": "none", "sdb": "mq-deadline"},
    vhost_net=True,
    guests=(GUEST,),
)


def _differences(node: NodeFacts, profile: Profile = PROFILE) -> set[tuple[str, str, str | None]]:
    return {(row.check, row.subject, row.found) for row in audit(node, profile) if not row.agrees}


def test_a_node_as_agreed_differs_in_nothing() -> None:
    rows = audit(NODE, PROFILE)
    assert rows
    assert _differences(NODE) == set()


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"ksm_run": "1"}, ("ksm", "cmp1", "1")),
        ({"ksm_run": None}, ("ksm", "cmp1", None)),
        ({"thp_defrag": "madvise"}, ("thp defrag", "cmp1", "madvise")),
        ({"schedulers": {"sda": "bfq"}}, ("io scheduler", "sda", "bfq")),
        ({"vhost_net": False}, ("vhost_net", "cmp1", "not loaded")),
        ({"memory_bytes": GIB}, ("memory overcommit", "cmp1", "2.00")),
    ],
)
def test_a_setting_of_the_node_that_differs_is_found(
    change: dict[str, object], difference: tuple[str, str, str | None]
) -> None:
    assert _differences(replace(NODE, **change)) == {difference}  # type: ignore[arg-type] # table of fields


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"affinity": (None, frozenset({3}))}, ("vcpu affinity", "web", "0-7")),
        ({"shares": None}, ("cpu shares", "web", "not set")),
        ({"quota": -1}, ("vcpu quota", "web", "not set")),
        ({"quota": 0}, ("vcpu quota", "web", "not set")),
        ({"disks": (DiskFacts("vda", "writeback", limited=True),)}, ("disk cache", "web vda", "writeback")),
        ({"disks": (DiskFacts("vda", "none", limited=False),)}, ("disk limits", "web vda", "not set")),
        ({"nic_drivers": ("vhost", "qemu")}, ("nic driver", "web", "qemu")),
    ],
)
def test_a_setting_of_a_guest_that_differs_is_found(
    change: dict[str, object], difference: tuple[str, str, str | None]
) -> None:
    guest = replace(GUEST, **change)  # type: ignore[arg-type] # table of fields
    assert _differences(replace(NODE, guests=(guest,))) == {difference}


@pytest.mark.parametrize(
    "change",
    [
        {"nic_drivers": ("vfio", "vhost")},
        {"nic_drivers": ("vhostuser",)},
        {"nic_drivers": ()},
        {"disks": (DiskFacts("vda", "writeback", limited=True, page_cached=False),)},
        {"disks": (DiskFacts("vda", "directsync", limited=True),)},
    ],
)
def test_a_guest_with_something_else_that_is_good_differs_in_nothing(change: dict[str, object]) -> None:
    guest = replace(GUEST, **change)  # type: ignore[arg-type] # table of fields
    assert _differences(replace(NODE, guests=(guest,))) == set()


def test_merging_that_was_undone_is_off() -> None:
    assert _differences(replace(NODE, ksm_run="2")) == set()


def test_memory_is_not_within_limits_while_guests_could_not_be_read() -> None:
    partly = replace(NODE, missed={"/run/libvirt/qemu/db.xml": "Permission denied"})
    assert _differences(partly) == {("memory overcommit", "cmp1", None)}
    assert ("memory overcommit", "cmp1", "2.00") in _differences(replace(partly, memory_bytes=GIB))


def test_a_scheduler_that_cannot_be_read_is_not_known() -> None:
    assert _differences(replace(NODE, schedulers={"sda": None})) == {("io scheduler", "sda", None)}


def test_what_the_profile_leaves_out_is_not_looked_at() -> None:
    assert audit(replace(NODE, ksm_run="1"), Profile("empty")) == ()


def test_a_command_to_copy_is_safe_for_a_guest_with_any_name() -> None:
    guest = replace(GUEST, name="a; reboot", shares=None)
    row = next(row for row in audit(replace(NODE, guests=(guest,)), PROFILE) if not row.agrees)
    assert "'a; reboot'" in row.mend


def test_a_profile_that_leaves_no_cpu_to_guests_is_named_once() -> None:
    small = replace(NODE, cpus=frozenset({0, 1}))
    assert {check for check, _, _ in _differences(small)} == {"reserved cpus"}


def test_a_setting_that_may_not_be_looked_at_is_not_off() -> None:
    assert ("vhost_net", "cmp1", None) in _differences(replace(NODE, vhost_net=None))


def test_what_is_to_be_copied_is_one_word_whatever_it_is_called() -> None:
    odd = replace(NODE.guests[0], disks=(DiskFacts("vda; reboot", "none", limited=False),))
    rows = audit(replace(NODE, guests=(odd,)), PROFILE)
    assert any("'vda; reboot' --total" in row.mend for row in rows)
