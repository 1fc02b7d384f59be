"""What is left but sold to nobody, since something else on the same host has run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.capacity.fit import on_host, refusal
from argus.correlator.capacity.model import offering

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.correlator.capacity.model import Host, Request


def stranded(hosts: Iterable[Host], request: Request) -> dict[str, int]:
    """Return, by resource class, what is left on hosts that take guests but not one more of ``request``.

    What hosts share is left out: another host may sell it.
    """
    stuck = [host for host in hosts if not refusal(host, request) and not on_host(host, request)]
    return {
        kind: sum(max(0, provider.free(kind)) for provider in offering(stuck, kind) if not provider.shared)
        for kind, _ in request.needs
    }
