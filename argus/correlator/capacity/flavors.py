"""What a flavor asks of Placement and of a host, read as Nova reads it.

nova/scheduler/utils.py ``resources_from_flavor`` and ``ResourceRequest``; extra specs:
https://docs.openstack.org/nova/latest/configuration/extra-specs.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from argus.correlator.capacity.model import DISK, MEMORY, PCPU, VCPU, Flavor, Request, amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGES = {"large": 2048, "small": 0, "any": 0}  # KiB; "large" is at least the smallest huge page
UNITS = {"": 1, "kb": 1, "mb": 1024, "gb": 1024 * 1024}
NUMBERED = re.compile(r"(resources|trait)_?[A-Za-z0-9_-]+:|hw:numa_(cpus|mem)\.")
# What Nova checks outside Placement and Argus has no figures for.
UNJUDGED = (
    "accel:device_profile",
    "hw:cpu_thread_policy",
    "hw:emulator_threads_policy",
    "hw:pci_numa_affinity_policy",
    "pci_passthrough:alias",
)


def flavor(row: Mapping[str, Any]) -> Flavor:
    """Make a flavor of a row of ``/flavors/detail``; ``KeyError`` or ``ValueError`` for another shape."""
    return Flavor(str(row["name"]), request(row), bool(row.get("os-flavor-access:is_public", True)))


def request(row: Mapping[str, Any], *, from_volume: bool = False) -> Request:
    """Make a request of a flavor, or of the flavor that a server carries; ``from_volume``: its root disk is a
    volume, so that it takes none of the host's.
    """
    specs = {str(key): str(value) for key, value in (row.get("extra_specs") or {}).items()}
    needs = _sizes(row, specs, from_volume=from_volume)
    for key, value in specs.items():
        if key.startswith("resources:"):
            needs[key.removeprefix("resources:")] = int(value)
    traits = {key.removeprefix("trait:"): value for key, value in specs.items() if key.startswith("trait:")}
    return Request(
        amounts(needs),
        frozenset(name for name, value in traits.items() if value == "required"),
        frozenset(name for name, value in traits.items() if value == "forbidden"),
        _aggregate_specs(specs),
        _cells(specs),
        _page(specs.get("hw:mem_page_size", "")),
        _unjudged(specs),
    )


def _cells(specs: Mapping[str, str]) -> int:
    """Pinned CPUs and explicit pages make a topology of one node where none is asked for."""
    pinned = specs.get("hw:cpu_policy") in ("dedicated", "mixed")
    return int(specs.get("hw:numa_nodes") or (1 if pinned or "hw:mem_page_size" in specs else 0))


def _sizes(row: Mapping[str, Any], specs: Mapping[str, str], *, from_volume: bool) -> dict[str, int]:
    root = 0 if from_volume else int(row["disk"])
    ephemeral = int(row.get("OS-FLV-EXT-DATA:ephemeral", row.get("ephemeral", 0)) or 0)
    swap = -(-int(row.get("swap") or 0) // 1024)  # MiB -> GiB, rounded up
    cpus = int(row["vcpus"])
    kind = PCPU if specs.get("hw:cpu_policy") == "dedicated" else VCPU
    needs = {kind: cpus, MEMORY: int(row["ram"]), DISK: root + ephemeral + swap}
    if specs.get("hw:cpu_policy") == "mixed":
        dedicated = _count(specs.get("hw:cpu_dedicated_mask", ""))
        needs |= {PCPU: dedicated, VCPU: cpus - dedicated}
    return needs


def _count(mask: str) -> int:
    """Count the CPUs of a mask such as ``0-3,^1,8``."""
    chosen: set[int] = set()
    for part in filter(None, mask.split(",")):
        low, _, high = part.lstrip("^").partition("-")
        span = set(range(int(low), int(high or low) + 1))
        chosen = chosen - span if part.startswith("^") else chosen | span
    return len(chosen)


def _page(text: str) -> int:
    word = text.strip().lower()
    if word in PAGES or not word:
        return PAGES.get(word, 0)
    number = re.fullmatch(r"(\d+)\s*(kb|mb|gb)?", word)
    if not number:
        return 0
    size = int(number[1]) * UNITS[number[2] or ""]
    return 0 if size <= 4 else size


def _aggregate_specs(specs: Mapping[str, str]) -> tuple[tuple[str, frozenset[str]], ...]:
    """Scoped keys of AggregateInstanceExtraSpecsFilter; a value may be ``<or> a <or> b``."""
    prefix = "aggregate_instance_extra_specs:"
    return tuple(
        (key.removeprefix(prefix), frozenset(filter(None, (v.strip() for v in value.split("<or>")))))
        for key, value in sorted(specs.items())
        if key.startswith(prefix)
    )


def _unjudged(specs: Mapping[str, str]) -> str:
    for key in sorted(specs):
        if key in UNJUDGED or NUMBERED.match(key):
            return f"{key} is not checked"
    return ""
