"""Results of the audit, anew every few minutes: settings change seldom and reading them takes time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from argus.catalogue.audit import BY_CHECK, CHECKED, DIFFERING
from argus_agent.audit.checks import audit
from argus_agent.audit.facts import RUN_DIRECTORY, read_facts
from argus_agent.cycle import Cycle, NoData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.catalogue.model import Sample
    from argus_agent.audit.checks import Row

EVERY_SECONDS = 300.0


class Audit:
    """Keeps the rows of the last audit; another profile makes another audit at once."""

    stats = None

    def __init__(self) -> None:
        self._rows: tuple[Row, ...] = ()
        self._done: tuple[object, float] | None = None
        self._unread: Mapping[str, str] = {}

    def collect(self, cycle: Cycle) -> Iterator[Sample]:
        """Yield counts of settings, in all and by check."""
        if cycle.profile is None:
            raise NoData("no profile: [audit] profile is not set")
        now = cycle.host.monotonic()
        if self._done is None or self._done[0] is not cycle.profile or now - self._done[1] >= EVERY_SECONDS:
            facts = read_facts(cycle.host)
            self._rows, self._unread = audit(facts, cycle.profile), facts.not_seen
            self._done = (cycle.profile, now)
        cycle.unread.update({what: why for what, why in self._unread.items() if what != RUN_DIRECTORY})
        differing = Counter(row.check for row in self._rows if not row.agrees)
        yield CHECKED.sample(len(self._rows))
        yield DIFFERING.sample(differing.total())
        for check in sorted({row.check for row in self._rows}):
            yield BY_CHECK.sample(differing[check], check)
