"""Jobs of each guest: statistics while one runs, what its end event said afterwards.

The statistics of a job that ended are never asked for: libvirt gives them once, and whoever started the
job wants them; the event brings them without taking them away.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from argus.catalogue.guest_job import ACTIVE, DIRTY_RATE, ENDED, RUNNING
from argus_agent.cycle import NoData, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Metric, Sample
    from argus_agent.cycle import Cycle


class GuestJob:
    """A guest that runs here and has no job is told so; a guest without a process is not told at all."""

    stats = ("STATE",)

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield what is known of each guest's job."""
        view = cycle.libvirt
        if view.guests is None:
            raise NoData("libvirt does not answer: guests are not known")
        known = {guest.uuid for guest in view.guests}
        with suppress(NoData, Unreadable):  # then it is not known who has no job
            for process in cycle.running():
                if process.guest.uuid in known:
                    yield ACTIVE.sample(int(bool(process.guest.job)), process.guest.uuid)
        for uuid, detail in view.details.items():
            yield from _numbers(uuid, detail.job, RUNNING)
            pages, size = (detail.job.get(f"memory_{word}") for word in ("dirty_rate", "page_size"))
            if isinstance(pages, int | float) and isinstance(size, int | float):
                yield DIRTY_RATE.sample(pages * size, uuid)
        for uuid, job in (view.events.jobs if view.events else {}).items():
            yield from _numbers(uuid, job, ENDED)


def _numbers(
    uuid: str, job: Mapping[str, float | str], metrics: Mapping[str, tuple[Metric, float]]
) -> Iterator[Sample]:
    for key, (metric, scale) in metrics.items():
        value = job.get(key)
        if isinstance(value, int | float):
            yield metric.sample(value * scale, uuid)
