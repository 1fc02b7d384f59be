"""Compresses the text of many names, over and over; what has not changed is compressed once."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from argus_agent.sinks.exposition import Family

COMPRESSION = 1  # a tenth of the CPU time of the default for a quarter more bytes
SEGMENT = 1 << 17
"""Characters; what changes in a segment costs all of it.  Deflate finds little again in smaller ones, and
needs twice the time."""
MAX_SMALL = 4  # segments of less than half that; more of them are made one
MAX_DOUBLINGS = 8

_HEAD = (
    b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"  # RFC 1952: deflate, no name, no time, fastest, no matter which system
)
_LAST = b"\x03\0"  # RFC 1951: a final block of nothing
_POLYNOMIAL = 0xEDB88320


class _Segment(NamedTuple):
    """Names whose text was compressed on its own: it can be put behind any other."""

    families: Sequence[Family]
    data: bytes
    crc: int
    size: int


class Packer:
    """Makes one gzip of segments.  A segment stays as long as each of its names says the same.

    Names that said the same twice form segments of those that rest; the others are compressed each time.
    Whoever moved has to say the same for twice as long, each time it does.  On an idle node nine tenths rest,
    on a busy one half; where nothing does it costs what it always did.
    """

    def __init__(self) -> None:
        self._resting: list[_Segment] = []

    def pack(self, families: Iterable[Family]) -> bytes:
        """Return their text as gzip, in one member."""
        loose = {family.name: family for family in families}
        self._resting = [segment for segment in self._resting if _stays(segment, loose)]
        large = [segment for segment in self._resting if segment.size >= SEGMENT // 2]
        if len(self._resting) - len(large) > MAX_SMALL:
            self._resting = large
        for segment in self._resting:
            for family in segment.families:
                del loose[family.name]
        rest = [f for f in loose.values() if f.still >= 1 << min(f.moved, MAX_DOUBLINGS)]
        self._resting += _segments(rest)
        for family in rest:
            del loose[family.name]
        return _joined([*self._resting, *_segments(loose.values())])


def _stays(segment: _Segment, now: dict[str, Family]) -> bool:
    """Whether each of its names says the same."""
    return all(now.get(family.name) is family for family in segment.families)


def packed(text: str) -> bytes:
    """Return a text as gzip."""
    return zlib.compress(text.encode(), wbits=zlib.MAX_WBITS | 16)


def _segments(families: Iterable[Family]) -> Iterator[_Segment]:
    waiting: list[Family] = []
    texts: list[str] = []
    size = 0
    for family in families:
        text = family.text()
        waiting.append(family)
        texts.append(text)
        size += len(text)
        if size >= SEGMENT:
            yield _segment(waiting, "".join(texts))
            waiting, texts, size = [], [], 0
    if waiting:
        yield _segment(waiting, "".join(texts))


def _segment(families: list[Family], text: str) -> _Segment:
    data = text.encode(errors="replace")
    packer = zlib.compressobj(COMPRESSION, wbits=-zlib.MAX_WBITS)
    # A full flush ends at a whole byte, and what follows looks at nothing before it.
    pieces = packer.compress(data), packer.flush(zlib.Z_FULL_FLUSH)
    return _Segment(families, b"".join(pieces), zlib.crc32(data), len(data))


def _joined(segments: Sequence[_Segment]) -> bytes:
    crc, size = 0, 0
    for segment in segments:
        crc = crc_of_both(crc, segment.crc, segment.size)
        size += segment.size
    tail = struct.pack("<II", crc, size & 0xFFFFFFFF)
    return b"".join([_HEAD, *(segment.data for segment in segments), _LAST, tail])


def crc_of_both(first: int, second: int, size: int) -> int:
    """Return the CRC-32 of two texts one after the other from that of each, the second ``size`` bytes long.

    As zlib's crc32_combine, which Python does not pass on: polynomials over GF(2), modulo that of CRC-32.
    """
    return _times(_after(size), first) ^ second


@cache
def _square(power: int) -> int:
    """Return x to the 2 to the ``power``."""
    return 1 << 30 if power == 0 else _times(_square(power - 1), _square(power - 1))


def _after(size: int) -> int:
    """Return what so many bytes of zero do to a checksum: x to the 8 times ``size``."""
    product, power = 1 << 31, 3  # one, with the highest coefficient in the lowest bit
    while size:
        if size & 1:
            product = _times(_square(power), product)
        size >>= 1
        power += 1
    return product


def _times(one: int, other: int) -> int:
    product = 0
    while one:
        if one & 0x80000000:
            product ^= other
        one = (one << 1) & 0xFFFFFFFF
        other = (other >> 1) ^ _POLYNOMIAL if other & 1 else other >> 1
    return product
