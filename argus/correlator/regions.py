"""Which region each node is of, so that the same fault in two regions is not taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.correlator.maintenance import COMPUTE
from argus.correlator.service import Services

if TYPE_CHECKING:
    from argus.correlator.facts import Facts

TAG = "region:"


def regions(facts: Facts) -> dict[str, str]:
    """Return the region by node: what a tag of its host says, else whose Nova has it.

    Nothing where there is only one: then all nodes belong together, those without a Nova too.
    """
    found = {
        part.host: part.service.rpartition("/")[0]
        for services in facts.told(Services)
        for part in services.parts
        if part.kind == COMPUTE and part.host
    }
    for node in facts.nodes:
        tagged = next((place for place in node.within if place.startswith(TAG)), "")
        if tagged:
            found[node.host] = tagged.removeprefix(TAG)
    return found if len(set(found.values())) > 1 else {}
