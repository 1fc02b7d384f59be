"""How much of their limits disks use, where limits are shared, weighed or changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from recorded import cycle_with

from argus.catalogue.guest_disk_limit import USED
from argus.catalogue.model import Value, samples_of
from argus_agent.collectors.guest_disk_limit import GuestDiskLimit
from argus_agent.guests import Definition, Guest, parse_definition

SECONDS = 10.0


def defined(**tunes: str) -> Definition:
    """Disks by target, with what is in their <iotune>."""
    disks = "".join(
        f"<disk type='file'><source file='{name}'/><target dev='{name}'/><iotune>{tune}</iotune></disk>"
        for name, tune in tunes.items()
    )
    return parse_definition(f"<domain><devices>{disks}</devices></domain>")


def tune(**limits: int | str) -> str:
    return "".join(f"<{word}>{limit}</{word}>" for word, limit in limits.items())


class Node:
    """A guest whose disks are told in one cycle after another, ten seconds apart."""

    def __init__(self) -> None:
        self.collector = GuestDiskLimit()
        self.at = 0.0

    def used(self, definition: Definition, **counters: tuple[float | None, ...]) -> dict[str, Value]:
        """Counters are reads, writes, bytes read and bytes written, then the number of the image."""
        stats: dict[str, float | str] = {"state.state": 1, "block.count": len(counters)}
        keys = ("rd.reqs", "wr.reqs", "rd.bytes", "wr.bytes", "backingIndex")
        for number, (name, values) in enumerate(counters.items()):
            stats[f"block.{number}.name"] = name
            stats |= {f"block.{number}.{k}": v for k, v in zip(keys, values, strict=False) if v is not None}
        self.at += SECONDS
        cycle = cycle_with((Guest("u", "g", 1, stats, definition),), at=self.at)
        return {
            sample.labels[1]: sample.value
            for sample in samples_of(self.collector.collect(cycle))
            if sample.metric is USED
        }


@pytest.fixture
def node() -> Node:
    return Node()


def test_disks_of_a_group_take_from_one_limit(node: Node) -> None:
    own = tune(total_iops_sec=1000, group_name="g")
    both = defined(vda=own, vdb=own, vdc=tune(total_iops_sec=1000))
    node.used(both, vda=(0, 0), vdb=(0, 0), vdc=(0, 0))
    assert node.used(both, vda=(4000, 1000), vdb=(0, 5000), vdc=(100, 0)) == {
        "vda": 1.0,
        "vdb": 1.0,
        "vdc": 0.01,
    }


def test_groups_of_other_guests_are_other_groups(node: Node) -> None:
    shared = defined(vda=tune(read_iops_sec=100, group_name="g"))
    guests = [Guest(uuid, "g", 1, {"state.state": 1}, shared) for uuid in "ab"]
    found = {}
    for at, reads in ((0, 0), (10, 500)):
        stats: dict[str, float | str] = {"state.state": 1, "block.count": 1, "block.0.name": "vda"}
        stats["block.0.rd.reqs"] = reads
        cycle = cycle_with(tuple(replace(each, stats=stats) for each in guests), at=float(at))
        found = {s.labels: s.value for s in samples_of(node.collector.collect(cycle)) if s.metric is USED}
    assert found == {("a", "vda"): 0.5, ("b", "vda"): 0.5}


@pytest.mark.parametrize(
    ("requests", "size", "used"),
    [(625, 65536, 1.0), (10000, 512, 1.0), (5000, 4096, 0.5), (0, 0, 0.0)],
    ids=["each counts as 16", "small ones count as one", "of that size", "nothing was done"],
)
def test_large_requests_count_as_several(node: Node, requests: int, size: int, used: float) -> None:
    weighed = defined(vda=tune(total_iops_sec=1000, size_iops_sec=4096))
    node.used(weighed, vda=(0, 7, 0, 0))
    assert node.used(weighed, vda=(requests, 7, requests * size, 0)) == {"vda": pytest.approx(used)}


def test_reads_and_writes_are_weighed_apart(node: Node) -> None:
    weighed = defined(vda=tune(total_iops_sec=100, size_iops_sec=4096))
    node.used(weighed, vda=(0, 0, 0, 0))
    assert node.used(weighed, vda=(400, 25, 400 * 512, 25 * 65536)) == {"vda": pytest.approx(0.8)}


def test_a_size_does_not_weigh_bytes(node: Node) -> None:
    weighed = defined(vda=tune(write_bytes_sec=1000, size_iops_sec=10))
    node.used(weighed, vda=(0, 0, 0, 0))
    assert node.used(weighed, vda=(0, 1, 0, 5000)) == {"vda": 0.5}


def test_requests_without_their_bytes_cannot_be_weighed(node: Node) -> None:
    weighed = defined(vda=tune(total_iops_sec=1000, size_iops_sec=4096))
    node.used(weighed, vda=(0, 0))
    assert node.used(weighed, vda=(100, 0)) == {}


def test_a_member_that_is_not_known_leaves_the_group_unknown(node: Node) -> None:
    own = tune(total_iops_sec=100, group_name="g")
    node.used(defined(vda=own), vda=(0, 0))
    both = defined(vda=own, vdb=own)
    assert node.used(both, vda=(500, 0), vdb=(0, 0)) == {}, "vdb came just now"
    assert node.used(both, vda=(600, 0), vdb=(100, 0)) == {"vda": 0.2, "vdb": 0.2}
    assert node.used(both, vda=(700, 0), vdb=(None, None)) == {}, "QEMU did not tell of vdb"


def test_a_member_that_was_taken_away_no_longer_counts(node: Node) -> None:
    own = tune(total_iops_sec=100, group_name="g")
    both = defined(vda=own, vdb=own)
    node.used(both, vda=(0, 0), vdb=(0, 0))
    assert node.used(both, vdb=(500, 0)) == {"vdb": 0.5}, "its index was another one"


def test_a_disk_that_comes_under_a_name_that_was_there_begins_anew(node: Node) -> None:
    own = defined(vda=tune(read_iops_sec=100))
    node.used(own, vda=(1000, 0, 0, 0, 3))
    node.used(own)
    assert node.used(own, vda=(900_000, 0, 0, 0, 7)) == {}
    assert node.used(own, vda=(900_500, 0, 0, 0, 7)) == {"vda": 0.5}


def test_what_was_used_under_another_limit_is_not_measured_by_this_one(node: Node) -> None:
    node.used(defined(vda=tune(read_iops_sec=1000, write_iops_sec=100)), vda=(0, 0))
    lower = defined(vda=tune(read_iops_sec=10, write_iops_sec=100))
    assert node.used(lower, vda=(10_000, 500)) == {"vda": 0.5}, "by the limit of writes, which stayed"
    assert node.used(lower, vda=(10_100, 500)) == {"vda": 1.0}


def test_members_whose_limits_differ_are_told_only_what_they_agree_on(node: Node) -> None:
    differ = defined(
        vda=tune(read_iops_sec=100, write_iops_sec=100, group_name="g"),
        vdb=tune(read_iops_sec=900, write_iops_sec=100, group_name="g"),
    )
    node.used(differ, vda=(0, 0), vdb=(0, 0))
    assert node.used(differ, vda=(5000, 100), vdb=(5000, 100)) == {"vda": 0.2, "vdb": 0.2}


def test_members_that_weigh_requests_differently_agree_on_bytes_alone(node: Node) -> None:
    differ = defined(
        vda=tune(read_iops_sec=100, read_bytes_sec=1000, size_iops_sec=4096, group_name="g"),
        vdb=tune(read_iops_sec=100, read_bytes_sec=1000, size_iops_sec=8192, group_name="g"),
    )
    node.used(differ, vda=(0, 0, 0, 0), vdb=(0, 0, 0, 0))
    assert node.used(differ, vda=(900, 0, 2500, 0), vdb=(900, 0, 2500, 0)) == {"vda": 0.5, "vdb": 0.5}


def test_a_disk_takes_from_each_group_that_it_is_filtered_by(node: Node) -> None:
    groups = "".join(
        f"<throttlegroup><group_name>{name}</group_name>{tune(total_iops_sec=limit)}</throttlegroup>"
        for name, limit in (("wide", 1000), ("narrow", 100))
    )
    disks = "".join(
        f"<disk type='file'><source file='{name}'/><target dev='{name}'/><throttlefilters>"
        + "".join(f"<throttlefilter group='{group}'/>" for group in filters)
        + "</throttlefilters></disk>"
        for name, filters in (("vda", ("wide", "narrow")), ("vdb", ("wide",)))
    )
    both = parse_definition(
        f"<domain><throttlegroups>{groups}</throttlegroups><devices>{disks}</devices></domain>"
    )
    node.used(both, vda=(0, 0), vdb=(0, 0))
    assert node.used(both, vda=(500, 0), vdb=(7500, 0)) == {"vda": 0.8, "vdb": 0.8}
    assert node.used(both, vda=(1500, 0), vdb=(7500, 0)) == {"vda": 1.0, "vdb": 0.1}
