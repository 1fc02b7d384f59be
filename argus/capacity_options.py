"""Options of ``[openstack]`` and ``[capacity]``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from oslo_config import cfg

from argus.correlator.thresholds import CapacityTerms, Thresholds
from argus.errors import ArgusError

OPENSTACK_OPTIONS = [
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Clouds of clouds.yaml to read, as CLOUD or CLOUD/REGION, with commas. Empty: this site has no "
        "OpenStack; capacity then rests on what the agents tell. The role needs only to read: see "
        "etc/openstack.",
    ),
    cfg.StrOpt(
        "clouds_file",
        default="",
        help="clouds.yaml; empty: OS_CLIENT_CONFIG_FILE, ~/.config/openstack or /etc/openstack.",
    ),
    cfg.FloatOpt(
        "timeout",
        default=20.0,
        min=0.5,
        max=300,
        help="Seconds for one call, its whole answer included. What is later is named, not waited for.",
    ),
    cfg.BoolOpt(
        "quotas",
        default=True,
        help="Read the quota of each project, to compare what was promised with what there is: one call a "
        "project and reading. Turn it off in clouds with thousands of projects.",
    ),
]
CAPACITY_OPTIONS = [
    cfg.FloatOpt(
        "interval",
        default=300.0,
        min=5,
        max=86400,
        help="Seconds between two readings of the clouds. Capacity changes slowly; each reading asks for "
        "what has changed since the last.",
    ),
    cfg.ListOpt(
        "racks",
        default=[],
        help="Aggregates that are racks or power feeds, as patterns: rack*, with commas. Each is lost in "
        "turn, as a host is.",
    ),
    cfg.BoolOpt(
        "failover_across_zones",
        default=False,
        help="Whether guests of a lost host may leave their availability zone. Nova only does that for "
        "guests that were booted without one, which its API does not tell.",
    ),
    cfg.ListOpt(
        "flavors",
        default=[],
        help="Flavors that must go on fitting, with commas; see [thresholds] flavor_fits_min. Empty: none "
        "is watched, all are shown.",
    ),
    cfg.MultiStrOpt(
        "aggregate_limits",
        default=[],
        help="Thresholds of one aggregate or zone, as SCOPE OPTION=VALUE..., for instance 'aggregate:ssd "
        "flavor_fits_min=20 vcpu_overcommit_max_ratio=8'. May be given several times.",
    ),
    cfg.IntOpt(
        "keep_days",
        default=400,
        min=14,
        help="Days that history of use is kept for forecasts. Two weeks are the least that give one.",
    ),
]


def terms(conf: Any) -> CapacityTerms:
    """Return what capacity is judged by besides thresholds.  Raises ``ArgusError``."""
    return CapacityTerms(tuple(conf.capacity.flavors), _scope_limits(conf.capacity.aggregate_limits))


def _scope_limits(lines: list[str]) -> dict[str, dict[str, float]]:
    """Read ``SCOPE OPTION=VALUE...``.  Raises ``ArgusError`` that names the line."""
    known = {f.name for f in fields(Thresholds)}
    found: dict[str, dict[str, float]] = {}
    for line in lines:
        where = f"[capacity] aggregate_limits = {line}"
        scope, *words = line.split() or [""]
        if not scope.startswith(("aggregate:", "az:")) or not words:
            raise ArgusError(f"{where}: write it as aggregate:NAME OPTION=VALUE, or az:NAME OPTION=VALUE")
        for word in words:
            name, _, value = word.partition("=")
            if name not in known:
                raise ArgusError(f"{where}: [thresholds] has no option {name!r}")
            try:
                found.setdefault(scope, {})[name] = float(value)
            except ValueError:
                raise ArgusError(f"{where}: {value!r} is not a number") from None
    return found
