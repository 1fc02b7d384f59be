"""Frequencies and thermal throttling of the node's CPUs, from sysfs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.node_cpufreq import GOVERNOR, LOWEST, MEAN, THROTTLES
from argus_agent.cycle import Cycle, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from argus.catalogue.model import Sample

KILOHERTZ = 1000


class NodeCpufreq:
    """Virtual machines have neither."""

    stats = None

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield frequencies in hertz, the governors in use, and throttles since boot."""
        base = cycle.host.sysfs / "devices/system/cpu"
        speeds = [int(text) * KILOHERTZ for text in _texts(base, "cpufreq/scaling_cur_freq")]
        throttles = [int(text) for text in _texts(base, "thermal_throttle/core_throttle_count")]
        if not speeds and not throttles:
            raise NoData("the machine tells neither frequencies nor throttling")
        if speeds:
            yield MEAN.sample(sum(speeds) / len(speeds))
            yield LOWEST.sample(min(speeds))
            yield GOVERNOR.sample(
                ", ".join(sorted(set(_texts(base, "cpufreq/scaling_governor")))) or "unknown"
            )
        if throttles:
            yield THROTTLES.sample(sum(throttles))


def _texts(base: Path, name: str) -> list[str]:
    found = []
    for path in base.glob(f"cpu[0-9]*/{name}"):
        with suppress(OSError):  # offline since it was listed; some drivers answer with an error then
            found.append(path.read_text().strip())
    return [text for text in found if text and not text.startswith("<")]  # <unknown> on some machines
