"""The agent keeps little: one arena for all threads, one text for a key that every guest has."""

from __future__ import annotations

import subprocess
import sys

import libvirt

from argus_agent.libvirt_connection import guests_of

WHERE = """
import ctypes, sys, threading
from argus_agent.heap import share_one_arena
if sys.argv[1] == "one":
    assert share_one_arena()
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
found = []
together = threading.Barrier(4)
def take():
    together.wait(10)
    found.append(malloc(5000))
    together.wait(10)
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
(heap,) = (line.split()[0] for line in open("/proc/self/maps") if "[heap]" in line)
begin, end = (int(word, 16) for word in heap.split("-"))
print(sum(begin <= address < end for address in found))
"""


def inside_the_heap(arenas: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", WHERE, arenas], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return int(done.stdout)


def test_all_threads_take_their_memory_from_one_arena() -> None:
    assert inside_the_heap("one") == 4
    assert inside_the_heap("many") < 4, "else the test shows nothing"


def test_a_key_that_every_guest_has_is_one_text() -> None:
    with_connection = libvirt.openReadOnly("test:///default")
    try:
        first, second = (guests_of(with_connection.getAllDomainStats()) for _ in range(2))
    finally:
        with_connection.close()
    assert first[0].stats == second[0].stats
    keys, others = (sorted(guests[0].stats) for guests in (first, second))
    assert keys
    assert all(key is other for key, other in zip(keys, others, strict=True))


def test_an_answer_is_taken_to_pieces_rather_than_kept_twice() -> None:
    with_connection = libvirt.openReadOnly("test:///default")
    try:
        records = with_connection.getAllDomainStats() * 2
        names = [domain.name() for domain, _ in records]
        guests = guests_of(records)
    finally:
        with_connection.close()
    assert [guest.name for guest in guests] == names
    assert records == []
