"""Whether anybody listens on a TCP port, and says what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.probes.members import Look, address, ask, timed
from argus.probes.wire import ProbeError, connect, lines

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline


@dataclass(frozen=True, slots=True)
class Tcp:
    """``hosts`` are HOST:PORT; ``expect`` is how the first line must begin (``SSH-2.0``), if given."""

    hosts: tuple[str, ...]
    expect: str = ""
    need: int = 1

    def __post_init__(self) -> None:
        """Check the addresses.  Raises ``ValueError``."""
        for host in self.hosts:
            if not address(host, 0)[1]:
                raise ValueError(f"{host!r} has no port; write HOST:PORT")

    def run(self, deadline: Deadline) -> Outcome:
        """Connect to every member."""
        return ask(
            "tcp",
            self.hosts,
            lambda host: timed(deadline, lambda: self._look(host, deadline)),
            need=self.need,
        )

    def _look(self, host: str, deadline: Deadline) -> Look:
        with connect(*address(host, 0), deadline) as connection:
            if not self.expect:
                return Look()
            first = next(lines(connection, deadline), "")
        if not first.startswith(self.expect):
            raise ProbeError(f"says {first[:60]!r}, expected {self.expect!r}")
        return Look()
