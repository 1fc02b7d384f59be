"""memcached: does it answer, and does it turn connections away or throw away what is still wanted.

Protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt, command ``stats``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.probes.members import Look, address, ask, timed
from argus.probes.outcome import State
from argus.probes.wire import BlindError, connect, lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline

PORT = 11211


@dataclass(frozen=True, slots=True)
class Memcached:
    """``hosts`` are HOST[:PORT]; ``connections_max_ratio`` of its limit is when it is called degraded."""

    hosts: tuple[str, ...]
    connections_max_ratio: float = 0.9
    need: int = 1

    def __post_init__(self) -> None:
        """Check the addresses.  Raises ``ValueError``."""
        for host in self.hosts:
            address(host, PORT)

    def run(self, deadline: Deadline) -> Outcome:
        """Ask every member for its statistics."""
        return ask(
            "memcached",
            self.hosts,
            lambda host: timed(deadline, lambda: self._look(host, deadline)),
            need=self.need,
        )

    def _look(self, host: str, deadline: Deadline) -> Look:
        with connect(*address(host, PORT), deadline) as connection:
            connection.sendall(b"stats\r\n")
            return judge(parse(lines(connection, deadline)), self.connections_max_ratio)


def parse(text: Iterable[str]) -> dict[str, str]:
    """Read ``STAT name value`` lines up to ``END``.  Raises ``BlindError`` for anything else."""
    found: dict[str, str] = {}
    for line in text:
        if line == "END":
            return found
        word, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        if word != "STAT" or not name:
            raise BlindError(f"that is no memcached: it says {line[:60]!r}")
        found[name] = value
    raise BlindError("memcached broke off before the end of its statistics")


def judge(stats: dict[str, str], most: float) -> Look:
    """Judge the statistics; figures that are absent are not made up."""
    names = ("curr_connections", "max_connections", "evictions", "bytes", "limit_maxbytes", "curr_items")
    figures = {name: float(stats[name]) for name in names if stats.get(name, "").isdigit()}
    state, message = State.UP, ""
    if "curr_connections" in figures and figures.get("max_connections"):
        used = figures["curr_connections"] / figures["max_connections"]
        if used > most:
            state, message = State.DEGRADED, f"{used:.0%} of its connections are in use"
    return Look(state, message, version=stats.get("version", ""), figures=figures)
