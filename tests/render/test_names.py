"""Names that people read: one vocabulary, and no longer than need be."""

from __future__ import annotations

import pytest

from argus.catalogue import (
    allocation,
    capacity,
    guest_disk_limit,
    guest_events,
    guest_job,
    guest_nic,
    ksm,
    node_cpu,
    node_cpufreq,
    node_load,
    node_nic,
)
from argus.catalogue.model import Metric
from argus.render.names import item_name, zabbix_units


@pytest.mark.parametrize(
    ("metric", "name", "units"),
    [
        (ksm.RUN, "KSM: run", ""),
        (guest_nic.RX_PACKETS, "NIC {#NIC}: received packets per second", "/s"),
        (guest_nic.RX_BYTES, "NIC {#NIC}: received bytes", "Bps"),
        (node_cpu.USED, "CPU: used in %", "%"),
        (node_cpufreq.MEAN, "CPU frequency: mean", "Hz"),
        (node_load.LOAD1, "Load: average of 1 minute", ""),
        (node_load.UPTIME, "Load: uptime", "uptime"),
        (node_nic.SPEED, "Node NIC {#NIC}: speed", "Bps"),
        (guest_disk_limit.READ_OPS, "Disk {#DISK}: limit read ops", "/s"),
        (guest_job.MEMORY_RATE, "Job: memory rate", "Bps"),
        (guest_job.LAST_DOWNTIME, "Job: last downtime", "s"),
        (guest_events.PANICKED, "Events: panicked", ""),
        (capacity.FULL_IN, "Capacity: full in", "s"),
        (allocation.GUEST_UUIDS, "Allocation: guest UUIDs", ""),
    ],
)
def test_name_and_unit_say_together_what_a_value_is(metric: Metric, name: str, units: str) -> None:
    assert (item_name(metric), zabbix_units(metric)) == (name, units)
