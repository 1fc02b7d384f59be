"""Names that people read: one vocabulary, and no longer than need be."""

from __future__ import annotations

import pytest

from argus.catalogue import guest_nic, ksm, node_cpu, node_cpufreq
from argus.catalogue.model import Metric
from argus.render.names import item_name, zabbix_units


@pytest.mark.parametrize(
    ("metric", "name", "units"),
    [
        (ksm.RUN, "KSM: run", ""),
        (guest_nic.RX_PACKETS, "NIC {#NIC}: received packets per second", "/s"),
        (guest_nic.RX_BYTES, "NIC {#NIC}: received bytes", "Bps"),
        (node_cpu.USED, "CPU: used in %", "%"),
        (node_cpufreq.MEAN, "Cpufreq: mean hertz", "Hz"),
    ],
)
def test_name_and_unit_say_together_what_a_value_is(metric: Metric, name: str, units: str) -> None:
    assert (item_name(metric), zabbix_units(metric)) == (name, units)
