"""Virtual functions from netlink: bytes of every kind, and the kernel of this machine."""

from __future__ import annotations

import ctypes
import os
import socket
import threading

import netlink_messages as kernel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.rtnetlink import Statistics, VirtualFunction, ask, parse

CLONE_NEWNET = 0x40000000


def test_a_function_has_its_counters_and_settings() -> None:
    vf = kernel.function(
        3, "fa:16:3e:00:00:09", (1, 2, 3, 4, 5, 6, 7, 8), vlan=42, link=2, spoof_check=0, trust=1
    )
    (link,) = parse(kernel.link(4, "ens1f0", [vf], expected=1)).links
    assert (link.ifindex, link.name, link.expected) == (4, "ens1f0", 1)
    counters = Statistics(
        rx_packets=1,
        tx_packets=2,
        rx_bytes=3,
        tx_bytes=4,
        rx_broadcast=5,
        rx_multicast=6,
        rx_dropped=7,
        tx_dropped=8,
    )
    assert link.functions == (
        VirtualFunction(3, "fa:16:3e:00:00:09", 42, 2, spoof_check=False, trusted=True, statistics=counters),
    )


def test_what_the_driver_does_not_tell_is_unknown() -> None:
    vf = kernel.function(0, counters=None, spoof_check=0xFFFFFFFF, trust=0xFFFFFFFF)
    (link,) = parse(kernel.link(4, "ens1f0", [vf], expected=1)).links
    (found,) = link.functions
    assert (found.mac, found.spoof_check, found.trusted, found.statistics) == ("", None, None, None)


def test_attributes_of_kernels_to_come_are_passed_over() -> None:
    vf = kernel.function(1, beside=kernel.attribute(0x8000 | 77, b"12345"))
    (link,) = parse(kernel.link(4, "ens1f0", [kernel.attribute(9, b"?"), vf], expected=1)).links
    assert [found.number for found in link.functions] == [1]
    assert link.functions[0].statistics == Statistics(*(0,) * 8)


@pytest.mark.parametrize("count", [33, 128])
def test_many_functions_are_all_there(count: int) -> None:
    functions = [kernel.function(number, counters=(number,) * 8) for number in range(count)]
    (link,) = parse(kernel.link(4, "ens1f0", functions, expected=count)).links
    assert [(f.number, f.statistics[0] if f.statistics else None) for f in link.functions] == [
        (number, number) for number in range(count)
    ]


def test_a_list_whose_length_began_again_at_zero_misses_functions_and_invents_none() -> None:
    functions = [kernel.function(number, counters=(number + 1,) * 8) for number in range(256)]
    (link,) = parse(kernel.link(4, "ens1f0", functions, expected=256)).links
    assert (link.name, link.expected) == ("ens1f0", 256)
    assert 0 < len(link.functions) < 256
    assert all(f.statistics == Statistics(*(f.number + 1,) * 8) for f in link.functions)


def test_an_answer_comes_in_several_messages_until_it_is_done() -> None:
    first = kernel.link(4, "ens1f0", [kernel.function(0)], expected=1, flags=kernel.MULTI)
    second = kernel.link(5, "ens1f1", [], expected=0, flags=kernel.MULTI)
    part = parse(first + second)
    assert ([link.name for link in part.links], part.last) == (["ens1f0", "ens1f1"], False)
    assert parse(kernel.message(kernel.DONE, bytes(4), kernel.MULTI)).last


def test_an_answer_of_two_states_says_so() -> None:
    flags = kernel.MULTI | kernel.DUMP_INTR
    assert parse(kernel.link(4, "ens1f0", [], expected=0, flags=flags)).interrupted
    assert not parse(kernel.link(4, "ens1f0", [], expected=0, flags=kernel.MULTI)).interrupted


def test_an_error_of_the_kernel_is_raised_and_an_acknowledgement_is_none() -> None:
    with pytest.raises(OSError, match="Message too long"):
        parse(kernel.error(90))
    assert parse(kernel.error(0)).last


@given(st.data())
def test_an_answer_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    whole = kernel.link(4, "ens1f0", [kernel.function(0), kernel.function(1)], expected=2)
    end = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(ValueError, match=r"cut off|no netlink message"):
        parse(whole[:end])


@given(st.binary(max_size=200), st.integers(0, 30))
def test_any_bytes_are_parsed_or_refused(junk: bytes, kind: int) -> None:
    for data in (junk, kernel.message(kind, junk), kernel.link(4, "ens1f0", [junk], expected=3)):
        try:
            part = parse(data)
        except (ValueError, OSError):
            continue
        assert all(link.expected >= len(link.functions) for link in part.links)


def test_this_kernel_answers_about_its_links() -> None:
    for index, name in socket.if_nameindex():
        (link,) = ask(index)
        assert (link.ifindex, link.name) == (index, name)


def test_a_link_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="No such device"):
        ask(2**30)


def test_a_network_namespace_of_its_own_has_its_own_links() -> None:
    found: list[str] = []
    refused: list[str] = []

    def look() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            refused.append(os.strerror(ctypes.get_errno()))
            return
        found.extend(link.name for link in ask(1))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(timeout=10)
    if refused:
        pytest.skip(f"no network namespace can be made here: {refused[0]}")
    assert found == ["lo"]
