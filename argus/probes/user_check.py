"""The user's-eye check: does a user get a server with an address and a volume, and how long does it take.

In the manner of OSTF's functional tests: token, image list, boot, ACTIVE, port, volume, attach, delete
everything.  It works in a project of its own; whatever it made is found again by its name, so that what a
crash left behind goes at the next start.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from argus.openstack.tenant import SERVER, VOLUME, TenantError, Thing
from argus.probes.outcome import Outcome, State, one_line
from argus.probes.wire import BlindError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PREFIX = "argus-user-check-"
FREE = frozenset({"AVAILABLE", "ERROR"})  # of a volume that can be deleted
POLL_SECONDS = 1.0
LEAST_EVERY = 300.0  # s: it makes a server each time, and is no load test


@dataclass(frozen=True, slots=True)
class UserCheck:
    """``cloud`` is an entry of ``clouds.yaml`` for a project of its own.

    ``every`` and ``timeout`` (for all steps but deleting, which has the same again) are in seconds,
    ``volume`` in GiB (0: no volume is made).
    """

    cloud: str
    region: str
    image: str
    flavor: str
    network: str
    volume: int = 1
    every: float = 1800.0
    timeout: float = 300.0
    call_timeout: float = 30.0


Failure = tuple[str, TenantError]  # the step, and what its user saw


class Project(Protocol):
    """What is done in a project: see ``argus.openstack.tenant.Tenant``."""

    def log_in(self) -> None: ...
    def find(self, image: str, flavor: str, network: str) -> tuple[str, str, str]: ...
    def things(self) -> list[Thing]: ...
    def boot(self, name: str, image: str, flavor: str, network: str) -> Thing: ...
    def make_volume(self, name: str, gigabytes: int) -> Thing: ...
    def look(self, thing: Thing) -> Thing | None: ...
    def addresses(self, server: Thing) -> list[str]: ...
    def attach(self, server: Thing, volume: Thing) -> None: ...
    def delete(self, thing: Thing) -> None: ...


@dataclass
class Run:
    """One run in one project.  ``clock`` is monotonic, ``now`` since the epoch; all in seconds."""

    project: Project
    check: UserCheck
    clock: Callable[[], float]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    name: str = field(default_factory=lambda: PREFIX + uuid.uuid4().hex[:12])
    took: dict[str, float] = field(default_factory=dict)
    _made: dict[str, Thing] = field(default_factory=dict)
    _ids: tuple[str, str, str] = ("", "", "")
    _end: float = 0.0

    def run(self) -> Outcome:
        """Do all steps, and clean up whatever happened.  Never raises for what a cloud does."""
        if (wrong := self._all([("token", self.project.log_in)])) is not None:
            return self._outcome(wrong)
        try:
            before = self._all([("tidy", self._tidy)])
        except BlindError as exc:
            return Outcome(State.UNKNOWN, one_line(str(exc)))
        wrong = self._all(self._steps())
        return self._outcome(wrong, before, self._all([("delete", self._delete)]))

    def _steps(self) -> list[tuple[str, Callable[[], None]]]:
        steps: list[tuple[str, Callable[[], None]]] = [
            ("images", self._images),
            ("boot", self._boot),
            ("active", lambda: self._becomes(SERVER, "ACTIVE")),
            ("port", self._port),
        ]
        return steps + ([("volume", self._volume), ("attach", self._attach)] if self.check.volume else [])

    def _all(self, steps: Sequence[tuple[str, Callable[[], None]]]) -> Failure | None:
        """Do one after the other until one fails; return which and why."""
        self._end = self.clock() + self.check.timeout
        for step, do in steps:
            begin = self.clock()
            try:
                do()
            except TenantError as exc:
                return step, exc
            self.took[step] = self.clock() - begin
        return None

    def _outcome(self, wrong: Failure | None, *left: Failure | None) -> Outcome:
        figures = {f"{step}_seconds": seconds for step, seconds in self.took.items()}
        trouble = one_line("; ".join(f"{each[0]}: {each[1]}" for each in left if each))
        if wrong is not None:
            state = State.DENIED if wrong[1].denied else State.DOWN
            text = "; ".join(each for each in (f"{wrong[0]}: {wrong[1]}", trouble) if each)
            return Outcome(state, one_line(text), trouble=trouble, figures=figures)
        return Outcome(State.DEGRADED if trouble else State.UP, trouble, trouble=trouble, figures=figures)

    def _tidy(self) -> None:
        foreign = [each.name for each in self.project.things() if not each.name.startswith(PREFIX)]
        if foreign:
            raise BlindError(
                f"the project holds {len(foreign)} servers or volumes of others ({foreign[0]}): "
                "give the check a project of its own"
            )
        self._remove(self._is_left_over)

    def _is_left_over(self, thing: Thing) -> bool:
        """Of a run that cannot be under way any more: one has twice ``timeout``, and calls under way."""
        age = self.now() - (thing.made_at if thing.made_at is not None else self.now())
        return age > 2 * self.check.timeout + 2 * self.check.call_timeout

    def _images(self) -> None:
        self._ids = self.project.find(self.check.image, self.check.flavor, self.check.network)

    def _boot(self) -> None:
        self._made[SERVER] = self.project.boot(self.name, *self._ids)

    def _port(self) -> None:
        self._wait(lambda: bool(self.project.addresses(self._made[SERVER])), "the server has no address")

    def _volume(self) -> None:
        self._made[VOLUME] = self.project.make_volume(self.name, self.check.volume)
        self._becomes(VOLUME, "AVAILABLE")

    def _attach(self) -> None:
        self.project.attach(self._made[SERVER], self._made[VOLUME])
        self._becomes(VOLUME, "IN-USE")

    def _becomes(self, kind: str, status: str) -> None:
        def there() -> bool:
            now = self.project.look(self._made[kind])
            if now is None or now.status.startswith("ERROR"):
                fault = now.fault if now else "it is gone"
                raise TenantError(
                    f"the {kind} went into {now.status if now else 'nothing'}: {fault}".rstrip(": ")
                )
            return now.status == status

        self._wait(there, f"the {kind} did not become {status}")

    def _delete(self) -> None:
        self._remove(lambda thing: thing.name == self.name)

    def _remove(self, mine: Callable[[Thing], bool]) -> None:
        """Delete servers, then volumes, which are free only when no server has them; until they are gone."""
        asked: set[str] = set()
        rest: list[str] = []

        def gone() -> bool:
            things = [each for each in self.project.things() if mine(each)]
            rest[:] = [f"{each.kind} {each.name} ({each.status})" for each in things]
            servers = [each for each in things if each.kind == SERVER]
            free = [each for each in things if each.status in FREE]
            for each in servers or free:
                if each.id not in asked:
                    asked.add(each.id)
                    self.project.delete(each)
            return not things

        try:
            self._wait(gone, "not deleted")
        except TenantError as exc:
            raise TenantError(f"{exc}; left behind: {', '.join(rest) or 'unknown'}") from None

    def _wait(self, true: Callable[[], bool], otherwise: str) -> None:
        while not true():
            if self.clock() >= self._end:
                raise TenantError(f"{otherwise} within {self.check.timeout:g} s")
            self.sleep(POLL_SECONDS)
