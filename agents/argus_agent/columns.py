"""Which of libvirt's statistics become which metrics, many at a time.

A full node has thousands of disks and vCPUs, so what is done for each number is what a cycle costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from argus.catalogue.model import Metric
    from argus_agent.guests import Guest

Numbers = list[float | None]


class Columns:
    """The ``metrics`` of one kind of thing; each key has its metric and the scale to its unit."""

    def __init__(self, wanted: Mapping[str, tuple[Metric, float]]) -> None:
        self.metrics = tuple(metric for metric, _ in wanted.values())
        self._names = tuple(wanted)
        self._scaled = [(n, scale) for n, (_, scale) in enumerate(wanted.values()) if scale != 1]
        self._keys: dict[str, tuple[str, ...]] = {}

    def read(self, guest: Guest, prefix: str = "") -> Numbers:
        """Return the numbers below ``prefix`` (``block.0.``): ``None`` where libvirt gave none."""
        keys = self._keys.get(prefix)
        if keys is None:
            keys = self._keys[prefix] = tuple(prefix + name for name in self._names)
        values: Numbers = list(map(guest.stats.get, keys))  # type: ignore[arg-type]  # numbers, by libvirt's types
        for index, scale in self._scaled:
            value = values[index]
            if value is not None:
                values[index] = value * scale
        return values


def is_known(values: Sequence[float | str | None]) -> bool:
    """Whether there is anything to tell."""
    return values.count(None) < len(values)
