"""Where facts come from: several sources, each blind on its own, slow ones read on their own time.

A cycle reads Zabbix itself.  What takes longer (OpenStack's APIs, probes) is read by a job of its own, which
keeps the newest complete snapshot in SQL; the cycle takes it from there, as long as it is not too old.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from argus.correlator.facts import ZABBIX, Facts
from argus.errors import ArgusError
from argus.store import leases, snapshots
from argus.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.site import Site
    from argus.store.engine import Store


log = logging.getLogger(__name__)


class Source(Protocol):
    """Where facts come from."""

    def read(self, alive: Callable[[], None]) -> Facts:
        """Return a complete snapshot, or one that says in ``blind`` what could not be read.

        Calls ``alive`` between two requests; what that raises ends the reading.
        """


@dataclass(frozen=True, slots=True)
class Together:
    """Several sources as one."""

    sources: tuple[Source, ...]

    def read(self, alive: Callable[[], None]) -> Facts:
        """See ``Source``."""
        facts = Facts(sources=())
        for source in self.sources:
            facts = facts.joined(_read(source, alive))
        return facts


def _read(source: Source, alive: Callable[[], None]) -> Facts:
    """Read one source; whatever it raises of its own makes it blind, and no other.

    Raises ``LeaseLostError`` and ``StoreError``, which are not the source's.
    """
    try:
        return source.read(alive)
    except (leases.LeaseLostError, StoreError):
        raise
    except Exception as exc:
        name = getattr(source, "name", ZABBIX)
        log.debug("the source %s", name, exc_info=True)  # its incident says why; each cycle need not
        why = str(exc) if isinstance(exc, ArgusError) else f"{type(exc).__name__}: {exc}"
        return Facts(sources=(name,), blind=(name,), why_blind=(f"its answer cannot be understood: {why}",))


class Slow(Protocol):
    """A source that is read by a job of its own.

    ``name`` is the source's, with its place where there are several (``openstack:RegionOne``).
    ``seconds`` is how long reading may take: nobody else reads it meanwhile.  ``max_age`` is how old, in
    seconds, a snapshot may be before the source counts as blind.
    """

    @property
    def name(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    @property
    def max_age(self) -> float: ...

    def fetch(self) -> Any:
        """Return all of it as JSON can hold it; raises ``ArgusError`` when any of it cannot be read."""

    def facts(self, payload: Any, at: float) -> object:
        """Return what goes into ``Facts.others`` of a snapshot that was taken at ``at``.

        What it raises makes the source blind: another version of Argus may have written the snapshot.
        """


def is_due(site: Site, slow: Slow, every: float) -> bool:
    """Tell whether to read now: ``every`` seconds after the newest answer, at once while there is none."""
    with site.store.read() as session:
        row = snapshots.get(session, slow.name)
    if row is None or row.at is None or row.error:
        return True
    return not 0 <= site.clock() - row.at < every  # an answer of the future: the clock was set back


def refresh(site: Site, slow: Slow) -> bool:
    """Read a slow source once; false when another process is at it.  Raises ``StoreError``."""
    held = min(slow.seconds, leases.SECONDS)
    lease = leases.acquire(site.store, f"read {slow.name}"[:50], site.owner, held, site.lease_clock())
    if lease is None:
        return False
    try:
        with leases.kept(site.store, lease, held, site.lease_clock, slow.seconds):
            payload, error = slow.fetch(), ""
    except ArgusError as exc:
        payload, error = None, str(exc)
    except Exception as exc:  # another shape than documented: blindness of this source, said as such
        log.exception("the source %s cannot be understood", slow.name)
        payload, error = None, f"its answer cannot be understood: {type(exc).__name__}: {exc}"
    with site.store.write() as session:
        leases.finish(session, lease)
        if error:
            snapshots.failed(session, slow.name, error, site.clock())
        else:
            snapshots.put(session, slow.name, payload, site.clock())
    return True


@dataclass(frozen=True, slots=True)
class Stored:
    """A slow source as a cycle sees it: its newest snapshot, or blindness."""

    slow: Slow
    store: Store
    clock: Callable[[], float]

    @property
    def name(self) -> str:
        """The source's."""
        return self.slow.name

    def read(self, alive: Callable[[], None]) -> Facts:
        """See ``Source``."""
        alive()
        name = self.slow.name
        with self.store.read() as session:
            row = snapshots.get(session, name)
        now = self.clock()
        if row is None:  # its job is about to read it for the first time: a new site is not a blind one
            return Facts(sources=())
        if row.at is None or now - row.at > self.slow.max_age:
            why = row.error or f"the newest answer is older than {self.slow.max_age:.0f} s"
        else:
            return Facts(sources=(name,), others=(self.slow.facts(row.payload, row.at),))
        return Facts(sources=(name,), blind=(name,), why_blind=(why,))
