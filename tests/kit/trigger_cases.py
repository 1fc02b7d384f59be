"""For every trigger of the catalogue: values that make it fire, and values after which it is well again.

A new trigger needs a line here; `tests/lab/test_zabbix_triggers.py` sends the values to a real Zabbix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from argus.catalogue import SUBSYSTEMS
from argus.catalogue.model import Trigger

Value = float | str
Series = Value | Callable[[int], Value]
"""A constant, or the value of the n-th sample."""
LABEL = "x"  # of whatever a trigger's items are discovered for
SAMPLES = 4
APART = 300.0  # seconds between two of them


@dataclass(frozen=True, slots=True)
class Case:
    """Values for the trigger's metrics, in their order; without trouble it fires by silence (``nodata``).

    ``apart``: seconds between the values of the trouble, more where the trigger looks far back.
    """

    trouble: tuple[Series, ...]
    peace: tuple[Series, ...]
    apart: float = APART


def grows(step: float) -> Series:
    """A counter, or a gauge on its way up."""
    return lambda number: 1000 + step * number


def along(start: float, step: float) -> Series:
    return lambda number: start + step * number


def changes(old: str, new: str) -> Series:
    """A text that is another one in the last sample: it is well again when it was told a second time."""
    return lambda number: new if number == SAMPLES - 1 else old


def in_turn(one: str, other: str) -> Series:
    return lambda number: other if number % 2 else one


def one(trouble: Series, peace: Series) -> Case:
    return Case((trouble,), (peace,))


COUNTED = one(grows(1), grows(0))
TRIGGERS: dict[str, Trigger] = {t.ident: t for s in SUBSYSTEMS for t in s.triggers}
CASES: dict[str, Case] = {
    "libvirt_down": one(0, 1),
    "libvirt_updated": Case((changes("9.0.0", "10.0.0"), "7.2.0"), ("10.0.0", "7.2.0")),
    "guest_unresponsive": one(2, 0),
    "process_without_guest": one(1, 0),
    "pool_broken": one(3, 2),
    "pool_full": one(0.93, 0.5),
    "pool_full_critical": one(0.97, 0.5),
    "pool_full_soon": one(along(0.70, 0.02), 0.5),
    "filesystem_silent": one(0, 2),
    "filesystem_read_only": one(2, 0),
    "filesystem_pauses_guests": Case((0.97, 1), (0.5, 1)),
    "filesystem_full": one(0.97, 0.5),
    "filesystem_nearly_full": one(0.93, 0.5),
    "filesystem_full_soon": Case((along(0.70, 0.05),), (0.5,), apart=6600.0),
    "filesystem_inodes": one(0.95, 0.2),
    "block_slow": Case((0.5, 0.001), (0.002, 0.001)),
    "md_not_running": one(1, 5),
    "md_degraded": one(1, 0),
    "md_disk_failed": one(1, 0),
    "multipath_lost": Case((1, "mpatha (sdb offline)"), (0, "mpathb (sdc offline)")),
    "multipath_degraded": Case((1, "mpatha (sdb offline)"), (0, "mpathb (sdc offline)")),
    "unit_down": one(0, 1),
    "node_memory_low": one(0.03, 0.5),
    "node_memory_low_soon": one(along(0.19, -0.01), 0.5),
    "node_rebooted": one(120, 86400),
    "node_swaps": one(grows(60_000), grows(0)),
    "node_oom_kill": COUNTED,
    "cpu_throttled": COUNTED,
    "memory_uncorrected": COUNTED,
    "memory_corrected": one(grows(20), grows(0)),
    "pinned_twice": one(2, 0),
    "conntrack_full": one(0.9, 0.2),
    "vhost_saturated": one(0.97, 0.3),
    "node_nic_errors": Case((grows(3000), grows(0)), (grows(0), grows(0))),
    "guest_vf_drops": one(grows(60_000), grows(0)),
    "node_link_lost": one(lambda number: float(number == 0), 1),
    "ksm_running": one(1, 2),
    "node_differs": one(3, 0),
    "node_data_missing": Case((), (0.1,)),
    "collector_failed": one(0, 1),
    "agents_share_a_name": Case((in_turn("8c1f/1", "03ab/7"), 0.1), ("8c1f/1", 0.1), apart=60.0),
    "agent_updated": one(changes("1.0", "1.1"), "1.1"),
    "spool_grows": one(9000, 0),
    "agent_thread_failed": COUNTED,
    "values_dropped": COUNTED,
    "events_missing": one(0, 1),
    "guest_broken": one(305, 101),
    "guest_not_running": one(502, 101),
    "qemu_outdated": one(3, 0),
    "guest_hung": one(0, 1),
    "guest_runs_twice": Case((in_turn("cmp1", "cmp2"),), ("cmp1",), apart=60.0),
    "guest_moved": one(changes("cmp1", "cmp2"), "cmp2"),
    "guest_panicked": COUNTED,
    "guest_watchdog": COUNTED,
    "guest_io_error": COUNTED,
    "guest_memory_failure": COUNTED,
    "guest_job_long": Case((1, 3600), (0, 0)),
    "guest_throttled": one(0.6, 0.0),
    "guest_steal_critical": one(0.4, 0.01),
    "guest_steal_high": one(0.15, 0.01),
    "disk_slow": Case((0.5, 0.001), (0.002, 0.001)),
    "disk_at_limit": one(0.99, 0.2),
    "guest_memory_full": one(0.98, 0.4),
    "guest_swapped_by_node": one(256 * 2**20, 0),
    "guest_memory_remote": one(0.3, 0.95),
    "correlator_silent": Case((), (0,)),
    "task_late": Case((4000, 900), (3, 900)),
    "outbox_stuck": one(900, 0),
    "workers_behind": one(150, 3),
    "messages_given_up": one(grows(1), 1003),
    "service_unknown": Case((), (2,)),
    "service_down": one(0, 2),
    "service_degraded": one(1, 2),
    "service_slow": one(9, 0.1),
    "instance_down": one(0, 1),
    "capacity_unknown": Case((), (3,)),
    "fleet_full_soon": one(86400, 90 * 86400),
    "fleet_loss_short": one(2, 0),
}


def documents(ident: str, series: tuple[Series, ...], samples: int = SAMPLES) -> list[dict[str, Any]]:
    """The documents of a host that carry the values, oldest first."""
    return [_document(TRIGGERS[ident], series, number) for number in range(samples)]


def _document(trigger: Trigger, series: tuple[Series, ...], number: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for metric, value in zip(trigger.metrics, series, strict=True):
        place, entity = document, metric.entity
        if entity.plural:
            (place,) = document.setdefault(entity.plural, [dict.fromkeys(entity.own_labels, LABEL)])
        place[metric.field] = value(number) if callable(value) else value
    return document
