"""The kernel's list format for CPUs and NUMA nodes: ``0-3,8,10-11``.

https://docs.kernel.org/admin-guide/cputopology.html, cpuset(7) "List format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CPUS = 65536
"""More than any kernel is built for; a longer range is a damaged file, not a machine."""


def parse_cpulist(text: str) -> frozenset[int]:
    """Return the numbers of a list; an empty text is an empty set.

    Raises ``ValueError`` that quotes the text when it is not a list.
    """
    numbers: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or part.endswith("-"):
            raise ValueError(f"{text.strip()!r} is not a CPU list such as 0-3,8")
        low, high = int(first), int(last or first)
        if not low <= high < MAX_CPUS:
            raise ValueError(f"{part!r} is not a range of CPUs below {MAX_CPUS}")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def format_cpulist(numbers: Iterable[int]) -> str:
    """Write numbers as the kernel does: ``{0, 1, 2, 8}`` -> ``0-2,8``."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
