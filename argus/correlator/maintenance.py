"""Which nodes somebody took out of service in Nova, and what is suppressed in Zabbix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argus.correlator.service import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from argus.correlator.service import Part, Services

COMPUTE = "nova-compute"


@dataclass(frozen=True, slots=True)
class Disabled:
    """What one Nova says: the nodes that are out of service and why.

    ``back`` are those that certainly are not; ``None`` when everything that is not out is back, since all
    cells answered.
    """

    source: str
    out: Mapping[str, str]
    back: frozenset[str] | None


def disabled_in_nova(services: Services, reason: str) -> Iterator[Disabled]:
    """Yield what each Nova says; nothing of one that did not tell of its nodes.

    ``reason`` is the regular expression of reasons that mean a maintenance.
    """
    found: dict[str, list[Part]] = {}
    for part in services.parts:
        if part.kind == COMPUTE:
            found.setdefault(part.service, []).append(part)
    for service, parts in found.items():
        out = {
            part.host: f"disabled in Nova: {part.message}"
            for part in parts
            if part.state is State.DISABLED and re.match(reason, part.message)
        }
        whole = all(part.state is not State.UNKNOWN for part in parts)
        back = frozenset(
            part.host for part in parts if part.state is not State.UNKNOWN and part.host not in out
        )
        yield Disabled(f"nova/{service}", out, None if whole else back)


def all_suppressed(events: Iterable[str], problems: Mapping[str, bool]) -> bool:
    """Tell whether all problems of an incident that there still are were suppressed in Zabbix, and one is.

    ``problems`` tells of each open problem, by ``eventid``, whether it is suppressed (``problem.get``).
    """
    mine = [problems[event] for event in events if event in problems]
    return bool(mine) and all(mine)
