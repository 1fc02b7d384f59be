"""The protocol: framing for any bytes, and real sockets with servers that misbehave."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.config import Address
from argus_agent.zabbix_protocol import (
    MAX_REPLY,
    Taken,
    Value,
    ZabbixError,
    active_checks,
    exchange,
    pack,
    parse_taken,
    sender_data,
    split_time,
    unpack,
)


def read_from(data: bytes) -> Callable[[int], bytes]:
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        found = stream.read(size)
        if len(found) < size:
            raise ConnectionError("cut off")
        return found

    return read


@given(st.one_of(st.binary(max_size=4000), st.binary(max_size=50).map(lambda part: part * 200)))
def test_a_payload_comes_out_as_it_went_in(payload: bytes) -> None:
    assert unpack(read_from(pack(payload))) == payload


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises((ValueError, ConnectionError)):
        unpack(read_from(noise))


@given(st.data())
def test_a_frame_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    frame = pack(data.draw(st.binary(min_size=1, max_size=3000)))
    with pytest.raises((ValueError, ConnectionError)):
        unpack(read_from(frame[: data.draw(st.integers(0, len(frame) - 1))]))


def frame(flags: int, size: int, unpacked: int, body: bytes = b"") -> bytes:
    return b"ZBXD" + struct.pack("<BQQ" if flags & 4 else "<BII", flags, size, unpacked) + body


BOMB = zlib.compress(b"\0" * (MAX_REPLY + 1))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (frame(1, 2**31, 0), "claims 2147483648 bytes"),
        (frame(5, 2**40, 0), "claims 1099511627776 bytes"),
        (frame(3, 10, 2**32 - 1), "claims 4294967295 bytes"),
        (frame(3, len(BOMB), 10, BOMB), "something else than the 10 bytes"),
        (frame(3, 4, 10, b"nope"), "cannot be unpacked"),
        (frame(9, 0, 0), "no Zabbix server"),
        (b"HTTP/1.1 400 Bad Request\r\n", "no Zabbix server"),
    ],
    ids=["2 GiB", "1 TiB", "4 GiB unpacked", "zip bomb", "broken zlib", "unknown flag", "a web server"],
)
def test_a_frame_that_lies_is_refused_before_it_costs_memory(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        unpack(read_from(data))


def test_a_frame_with_64_bit_lengths_is_read() -> None:
    assert unpack(read_from(frame(5, 2, 0, b"{}"))) == b"{}"


@given(st.floats(0, 4e9))
def test_time_is_split_without_loss_of_more_than_a_microsecond(seconds: float) -> None:
    clock, ns = split_time(seconds)
    assert 0 <= ns < 10**9
    assert abs(clock + ns / 1e9 - seconds) < 1e-6


def test_requests_are_in_the_dialect_of_6_0() -> None:
    request = sender_data([Value("h", "k", "v", 5, 7)], 9.5)
    assert request == {
        "request": "sender data",
        "data": [{"host": "h", "key": "k", "value": "v", "clock": 5, "ns": 7}],
        "clock": 9,
        "ns": 500_000_000,
    }
    assert "version" not in active_checks("h", "argus-node")


def test_the_answer_tells_how_many_were_taken() -> None:
    info = "processed: 3; failed: 1; total: 4; seconds spent: 0.000055"
    assert parse_taken({"response": "success", "info": info}) == Taken(3, 1)


@pytest.mark.parametrize(
    "reply", [{}, {"response": "failed", "info": "x"}, {"response": "success"}, {"info": "processed: x"}]
)
def test_any_other_answer_is_an_error(reply: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not taken"):
        parse_taken(reply)


@contextmanager
def server(*answers: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A TCP server that treats its connections one by one as the answers say."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Address(*listening.getsockname()[:2])


def ask(address: Address, timeout: float = 5) -> object:
    return exchange(address, {"request": "sender data", "data": []}, timeout)


def says(text: str) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(pack(text.encode()))

    return answer


def test_an_answer_is_read() -> None:
    with server(says('{"response":"success"}')) as address:
        assert ask(address) == {"response": "success"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "closed the connection after 0 of 5"),
        (b"ZBXD\x01\x10\0\0\0\0\0\0\0{}", "closed the connection after 2 of 16"),
        (b"\x15\x03\x01\x00\x02\x02\x16" * 3, "no Zabbix server"),
        (pack(b"{"), "Expecting"),
        (pack(b"[]"), "no JSON object"),
        (pack(b"\xff\xfe"), "codec"),
    ],
    ids=["nothing", "half a frame", "TLS", "half of JSON", "a list", "not UTF-8"],
)
def test_a_bad_answer_is_one_error_that_names_the_server(data: bytes, why: str) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    with server(answer) as address, pytest.raises(ZabbixError, match=why) as caught:
        ask(address)
    assert str(address) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_never_answers_takes_no_longer_than_the_timeout() -> None:
    released = threading.Event()

    def answer(_connection: socket.socket) -> None:
        released.wait(10)

    with server(answer) as address:
        begun = time.monotonic()
        with pytest.raises(ZabbixError, match="no answer in time"):
            ask(address, 0.3)
        assert time.monotonic() - begun < 2
        released.set()


def test_a_server_that_drips_bytes_takes_no_longer_than_the_timeout() -> None:
    released = threading.Event()

    def drip(connection: socket.socket) -> None:
        for byte in pack(b"{}" * 400):
            if released.wait(0.1):
                return
            connection.sendall(bytes([byte]))

    with server(drip) as address:
        begun = time.monotonic()
        with pytest.raises(ZabbixError, match="no answer in time"):
            ask(address, 0.5)
        assert time.monotonic() - begun < 2
        released.set()


def test_nobody_there_is_an_error_that_names_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = Address(*free.getsockname()[:2])
    with pytest.raises(ZabbixError, match=rf"127.0.0.1:{address.port}: .*refused"):
        ask(address)


def test_a_redirect_of_a_proxy_group_is_followed() -> None:
    with server(says('{"response":"success","info":"there"}')) as there:
        redirect = f'{{"response":"failed","redirect":{{"revision":1,"address":"{there}"}}}}'
        with server(says(redirect)) as here:
            assert ask(here) == {"response": "success", "info": "there"}


def test_redirects_in_a_circle_end() -> None:
    def answer(connection: socket.socket) -> None:
        here = "{}:{}".format(*connection.getsockname())
        says(f'{{"response":"failed","redirect":{{"address":"{here}"}}}}')(connection)

    with server(answer, answer, answer) as address, pytest.raises(ZabbixError, match="redirected more than"):
        ask(address)
