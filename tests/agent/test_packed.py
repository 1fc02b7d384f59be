"""What a scraper gets is what was told, however little of it was written anew."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argus.catalogue import agent, guest_disk, guest_info, guest_state, ksm
from argus.catalogue.model import Row, Sample
from argus_agent.sinks.exposition import Exposition, exposition
from argus_agent.sinks.packed import Packer, crc_of_both

DISK = (guest_disk.READ_OPS, guest_disk.WRITE_OPS, guest_disk.SOURCE)
STATE = (guest_state.STATE, guest_state.HELD)

Told = list[Sample | Row]

numbers = st.none() | st.integers(0, 3) | st.sampled_from([0.5, 1.0, 1e300, float("inf")])
guests = st.sampled_from(["u1", "u2", "u3"])
texts = st.none() | st.sampled_from(["/a", 'quo"te', "back\\slash", "new\nline", "größe"])
rows = st.one_of(
    st.builds(Row, st.just(DISK), st.tuples(numbers, numbers, texts), st.tuples(guests, st.just("vda"))),
    st.builds(
        Row, st.just(STATE), st.tuples(numbers, numbers), st.tuples(guests), st.sampled_from([None, 1.0])
    ),
    st.builds(ksm.RUN.sample, st.integers(0, 2)),
    st.builds(guest_info.NAME.sample, st.text("ab", min_size=1), guests),
)
cycles = st.lists(st.lists(rows, max_size=6), min_size=1, max_size=8)


def lines(text: str) -> list[str]:
    """Each line that tells a value or begins a name, in whatever order the names come."""
    return sorted(text.splitlines())


@pytest.mark.slow
@given(cycles)
@settings(max_examples=300, deadline=None)
def test_a_cycle_is_written_as_if_there_had_been_none_before(cycles: list[Told]) -> None:
    writer, packer = Exposition(), Packer()
    for told in cycles:
        text = gzip.decompress(packer.pack(writer.families(told))).decode()
        fresh = "".join(exposition(told))
        # 1 and 1.0 are one number, and which of the two was told is kept as it was.
        assert [line.removesuffix(".0") for line in lines(text)] == [
            line.removesuffix(".0") for line in lines(fresh)
        ]


@given(st.binary(max_size=200), st.binary(max_size=70_000))
def test_checksums_are_joined(first: bytes, second: bytes) -> None:
    assert crc_of_both(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


def test_it_is_one_gzip_member_and_nothing_behind() -> None:
    packer, writer = Packer(), Exposition()
    for size in range(3):
        data = packer.pack(writer.families([ksm.RUN.sample(1), ksm.PROFIT.sample(size)]))
        unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        assert f"argus_node_ksm_profit_bytes {size}\n".encode() in unzip.decompress(data)
        assert (unzip.eof, unzip.unused_data) == (True, b"")


def test_a_name_that_says_the_same_is_the_same() -> None:
    writer = Exposition()

    def families(held: float) -> dict[str, object]:
        row = Row(STATE, (1, held), ("u1",))
        return {family.name: family for family in writer.families([row, agent.CYCLE.sample(0.5)])}

    first, second = families(1.0), families(2.0)
    assert first["argus_guest_state"] is second["argus_guest_state"]
    assert first["argus_guest_state_held_seconds"] is not second["argus_guest_state_held_seconds"]


def test_another_guest_in_the_same_place_is_no_old_news() -> None:
    writer = Exposition()
    first = list(writer.families([Row(STATE, (1, None), ("u1",))]))
    second = list(writer.families([Row(STATE, (1, None), ("u2",))]))
    assert first[0] is not second[0]
    assert 'uuid="u2"' in second[0].text()


class Counted:
    """A name that counts how often it is written."""

    columns = ()

    def __init__(self, name: str, moved: int = 0) -> None:
        self.name, self.moved, self.still, self.written = name, moved, 0, 0

    def text(self) -> str:
        self.written += 1
        return f"{self.name} 1\n"


def test_what_does_not_change_is_written_once_more_and_then_never() -> None:
    still, packer = Counted("still"), Packer()
    for still.still in range(50):
        moving = Counted("moving")
        packer.pack([still, moving])  # type: ignore[list-item]
        assert moving.written == 1
    assert still.written == 2


def test_what_changes_now_and_then_does_not_disturb_what_rests() -> None:
    still, packer, moves = Counted("still"), Packer(), 0
    restless = Counted("restless")
    for still.still in range(500):
        restless.still += 1
        if still.still % 5 == 0:
            moves += 1
            restless = Counted("restless", moves)
        text = gzip.decompress(packer.pack([restless, still])).decode()  # type: ignore[list-item]
        assert sorted(text.splitlines()) == ["restless 1", "still 1"]
    assert moves == 100
    assert still.written < 10, "each time it moved too early it waits twice as long"


def test_names_that_come_to_rest_one_by_one_are_put_together() -> None:
    packer, families = Packer(), [Counted(f"name_{number}") for number in range(40)]
    for cycle in range(60):
        for number, family in enumerate(families):
            family.still = max(0, cycle - number)
        data = packer.pack(families)  # type: ignore[arg-type]
    assert sorted(gzip.decompress(data).decode().split("\n")[:-1]) == sorted(f"{f.name} 1" for f in families)
    assert len(data) < 40 * len("name_00 1\n"), "one by one they are larger than the text"
