"""Swift's storage nodes by what recon tells of them: disks that are gone or full, and work that piles up.

https://docs.openstack.org/swift/latest/admin_guide.html#cluster-telemetry-and-monitoring:
``/recon/unmounted``, ``diskusage``, ``async`` and ``quarantined`` of account, container and object servers.
They are on Swift's own network, which Argus must be able to reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from argus.probes.members import Look, address, ask
from argus.probes.outcome import State, one_line
from argus.probes.wire import BlindError, Web

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline

PORT = 6200  # of object servers; 6201 container, 6202 account
ASKED = ("unmounted", "diskusage", "async", "quarantined")


@dataclass(frozen=True, slots=True)
class SwiftRecon:
    """``hosts`` are HOST[:PORT] of servers; ``need`` of them must answer (0: one).

    A disk that is fuller than ``full_ratio`` is a trouble, and so are more than ``async_max`` updates that
    wait: the containers' lists are behind by as many.
    """

    hosts: tuple[str, ...]
    need: int = 1
    full_ratio: float = 0.9
    async_max: int = 1000

    def __post_init__(self) -> None:
        """Check the addresses.  Raises ``ValueError``."""
        for host in self.hosts:
            address(host, PORT)

    def run(self, deadline: Deadline) -> Outcome:
        """Ask every server."""
        return ask("storage", self.hosts, lambda host: self._look(host, deadline), need=self.need)

    def _look(self, host: str, deadline: Deadline) -> Look:
        name, port = address(host, PORT)
        base = f"http://{f'[{name}]' if ':' in name else name}:{port}/recon"
        answers = {what: Web().ok(f"{base}/{what}", deadline) for what in ASKED}
        found = {what: answer.json() for what, answer in answers.items()}
        return judge(found, self.full_ratio, self.async_max, answers["unmounted"].seconds)


def judge(found: dict[str, Any], full_ratio: float, async_max: int, latency: float | None = None) -> Look:
    """Judge one server.  What recon writes as ``null`` or ``""`` it does not know.  Raises ``BlindError``."""
    gone = [f"{each.get('device', '?')} is not mounted" for each in _rows(found["unmounted"])]
    full: list[str] = []
    figures: dict[str, float] = {}
    for disk in _rows(found["diskusage"]):
        size, used = disk.get("size"), disk.get("used")
        if not _known(size) or not _known(used) or size <= 0:
            continue
        figures["disk_used_ratio"] = max(used / size, figures.get("disk_used_ratio", 0.0))
        if used / size > full_ratio:
            full.append(f"{disk.get('device', '?')} is {used / size:.0%} full")
    waiting = found["async"].get("async_pending") if isinstance(found["async"], dict) else None
    if _known(waiting):
        figures["async_pending"] = float(waiting)
        full += [f"{waiting} updates wait"] if waiting > async_max else []
    figures |= _quarantined(found["quarantined"])
    wrong = [*gone, *full]
    state = State.DEGRADED if wrong else State.UP
    return Look(state, one_line("; ".join(wrong)), latency, figures=figures)


def _quarantined(found: Any) -> dict[str, float]:
    if not isinstance(found, dict):
        raise BlindError("that is not Swift's recon: an object was expected")
    counts = [found[kind] for kind in ("accounts", "containers", "objects") if _known(found.get(kind))]
    return {"quarantined": float(sum(counts))} if counts else {}


def _rows(found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BlindError("that is not Swift's recon: a list of devices was expected")
    return found


def _known(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
