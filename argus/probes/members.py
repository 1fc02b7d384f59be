"""Services of several equal members: each is asked at the same time, and k of n must work."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from argus.probes.outcome import Outcome, Part, State, of_parts, one_line, worst
from argus.probes.wire import BlindError, DeniedError, ProbeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from argus.probes.wire import Deadline

MOST_MEMBERS = 32  # asked at the same time; a service with more is asked in turns


@dataclass(frozen=True, slots=True)
class Look:
    """What one member said.  ``latency`` in seconds.

    ``group`` is the cluster that it says it belongs to, empty for none: two of them are a split brain.
    """

    state: State = State.UP
    message: str = ""
    latency: float | None = None
    version: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    group: str = ""


def address(text: str, port: int) -> tuple[str, int]:
    """Split ``HOST[:PORT]``, also ``[::1]:53``.  Raises ``ValueError``."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname or parts.path:
        raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    return parts.hostname, parts.port or port


def ask(kind: str, hosts: Sequence[str], look: Callable[[str], Look], *, need: int = 1) -> Outcome:
    """Look at all members at the same time; fewer than ``need`` that work is an outage.

    Latency is the median of those that answered, figures are the largest of any member.
    """
    with ThreadPoolExecutor(min(len(hosts), MOST_MEMBERS), thread_name_prefix=kind) as pool:
        looks = list(pool.map(lambda host: _guarded(look, host), hosts))
    return judge(kind, hosts, looks, need)


def judge(kind: str, hosts: Sequence[str], looks: Sequence[Look], need: int) -> Outcome:
    """Make one outcome of what the members said."""
    parts = tuple(Part(kind, host, each.state, each.message) for host, each in zip(hosts, looks, strict=True))
    denied = all(part.state is State.DENIED for part in parts)
    state, message = (State.DENIED, parts[0].message) if denied else of_parts(parts, {kind: need})
    if state is State.DOWN and worst(part.state for part in parts) is State.DOWN:
        why = next(part.message for part in parts if part.state is State.DOWN)
        message = one_line(f"{message}: {why}" if len(parts) > 1 else why)
    groups = {each.group for each in looks if each.group and each.state is not State.DOWN}
    if len(groups) > 1:
        state, message = State.DOWN, f"split: the members are in {len(groups)} different clusters"
    times = [each.latency for each in looks if each.latency is not None]
    figures: dict[str, float] = {}
    for each in looks:
        for name, value in each.figures.items():
            figures[name] = max(value, figures.get(name, value))
    version = next((each.version for each in looks if each.version), "")
    latency = statistics.median(times) if times else None
    return Outcome(state, message, latency, version, parts, _trouble(parts), figures)


def _trouble(parts: Sequence[Part]) -> str:
    """Name what is wrong with members that work all the same: of one that does not, its part is told."""
    wrong = [part for part in parts if part.state is State.DEGRADED]
    if len(parts) == 1:
        return "".join(part.message for part in wrong)
    return one_line("; ".join(f"{part.host}: {part.message}" for part in wrong))


def _guarded(look: Callable[[str], Look], host: str) -> Look:
    try:
        return look(host)
    except ProbeError as exc:
        return Look(State.DOWN, one_line(str(exc)))
    except DeniedError as exc:
        return Look(State.DENIED, one_line(str(exc)))
    except BlindError as exc:
        return Look(State.UNKNOWN, one_line(str(exc)))


def majority(members: int) -> int:
    """Return how many members are a quorum."""
    return members // 2 + 1


def timed(deadline: Deadline, look: Callable[[], Look]) -> Look:
    """Add to a look how long it took."""
    begin = deadline.elapsed
    found = look()
    return replace(found, latency=deadline.elapsed - begin)
