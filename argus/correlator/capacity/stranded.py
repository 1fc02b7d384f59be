"""What is left but sold to nobody, since something else on the same host has run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.capacity.fit import on_host, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from argus.correlator.capacity.model import Host, Request


def stranded(hosts: Iterable[Host], request: Request) -> dict[str, int]:
    """Return, by resource class, what is left on hosts that take guests but not one more of ``request``."""
    found = {kind: 0 for kind, _ in request.needs}
    for host in hosts:
        if refusal(host, request) or on_host(host, request):
            continue
        for kind in found:
            found[kind] += sum(max(0, provider.free(kind)) for provider in host.offering(kind))
    return found
