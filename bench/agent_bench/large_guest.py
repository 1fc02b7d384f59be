"""Stands in for the QEMU of a large guest: python large_guest.py MIB -uuid UUID

After a first line of input it holds MIB in pages of 4 KiB, and maps and unmaps memory all the time, as QEMU
does.  For each further line it answers with the longest that one such call took since, in seconds.
"""

from __future__ import annotations

import mmap
import select
import sys
import time

PAUSE = 0.0005
SMALL = 16 * mmap.PAGESIZE


def hold(size: int) -> mmap.mmap:
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    for offset in range(0, size, mmap.PAGESIZE):
        memory[offset] = 1
    return memory


def longest_call() -> float:
    """Map and unmap until somebody asks."""
    longest = 0.0
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        begun = time.perf_counter()
        mmap.mmap(-1, SMALL, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        longest = max(longest, time.perf_counter() - begun)
    return longest


def main() -> None:
    sys.stdin.readline()  # it is in its control group now, which its memory counts for
    memory = hold(int(sys.argv[1]) << 20)
    print("ready", flush=True)
    while True:
        longest = longest_call()
        if not sys.stdin.readline():
            break
        print(longest, flush=True)
    memory.close()


if __name__ == "__main__":
    main()
