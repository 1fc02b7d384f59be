"""Bulk calls for statistics in shares, each in a worker with a connection of its own.

A node with few guests is asked in one call.  More guests are shared out, so that libvirtd works on several
calls at once, and a QEMU that hangs takes only its own share with it: any free worker serves the next.
"""

from __future__ import annotations

import logging
import time
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import libvirt

from argus_agent.worker import Call, Stuck, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from argus_agent.guests import Guest
    from argus_agent.libvirt_domains import Answer, Domains

log = logging.getLogger(__name__)

GUESTS_A_SHARE = 64
MAX_SHARES = 4
MAX_WORKERS = 6
"""More than shares, for what hangs; a call ends when libvirt gives a QEMU up, after 30 s."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the shares gave: ``whole`` when all of them did.

    ``seconds`` is what the slowest took, ``at`` when the last one came.
    """

    guests: tuple[Guest, ...]
    whole: bool
    seconds: float = 0.0
    version: str = ""
    hypervisor: str = ""
    at: float = 0.0


NOTHING = Found((), whole=False)


class Shards:
    """Workers that are made when they are needed; each makes one call at a time."""

    def __init__(self, make: Callable[[], Domains]) -> None:
        self._make = make
        self._workers: list[tuple[Domains, Worker]] = []

    def ask(
        self,
        groups: int,
        guests: int,
        *,
        without: Collection[str] = (),
        only: Collection[str] | None = None,
    ) -> list[Call[Answer]]:
        """Begin to ask for about so many guests; no call when all workers hang."""
        shares = min(MAX_SHARES, 1 + guests // GUESTS_A_SHARE)
        free = self._free(shares)
        if shares == 1 and not without and only is None:
            return [worker.start(partial(domains.stats, groups)) for domains, worker in free]
        left_out = frozenset(without)
        return [
            worker.start(partial(domains.share, groups, _Share(number, len(free), left_out, only)))
            for number, (domains, worker) in enumerate(free)
        ]

    def ask_some(
        self, groups: int, uuids: Collection[str], cheap: int, hung: Collection[str]
    ) -> list[Call[Answer]]:
        """Begin to ask for a few guests, of ``hung`` ones for the groups ``cheap``; as ``ask`` does."""
        free = self._free(1)
        return [worker.start(partial(d.some, groups, uuids, cheap, hung)) for d, worker in free]

    def _free(self, wanted: int) -> list[tuple[Domains, Worker]]:
        free = [pair for pair in self._workers if not pair[1].busy]
        while len(free) < wanted and len(self._workers) < MAX_WORKERS:
            pair = self._make(), Worker(f"libvirt-bulk-{len(self._workers)}")
            self._workers.append(pair)
            free.append(pair)
        return free[:wanted]


@dataclass(frozen=True, slots=True)
class _Share:
    """Which guests a call is about: a guest is always in the same of so many shares."""

    number: int
    of: int
    without: frozenset[str]
    only: Collection[str] | None

    def __call__(self, uuid: str) -> bool:
        if uuid in self.without or (self.only is not None and uuid not in self.only):
            return False
        return zlib.crc32(uuid.encode()) % self.of == self.number


def collect(calls: list[Call[Answer]], timeout: float) -> Found:
    """Wait for the answers, ``timeout`` seconds in all; what did not come is not there.

    Raises ``libvirt.libvirtError`` when that is the answer of all.
    """
    deadline = time.monotonic() + timeout
    answers: list[Answer] = []
    errors: list[libvirt.libvirtError] = []
    for call in calls:
        try:
            answers.append(call.result(max(0.0, deadline - time.monotonic())))
        except libvirt.libvirtError as error:
            log.debug("statistics: %s", error)
            errors.append(error)
        except Stuck as stuck:
            log.debug("statistics: %s", stuck)
    if errors and len(errors) == len(calls):
        raise errors[0]
    if not answers:
        return NOTHING
    guests = tuple(guest for answer in answers for guest in answer.guests)
    seconds = max(answer.seconds for answer in answers)
    at = max(answer.at for answer in answers)
    whole = len(answers) == len(calls)
    return Found(guests, whole, seconds, answers[0].version, answers[0].hypervisor, at)
