"""Which triggers of the catalogue have a rule of their own: their problems are no incidents besides."""

from __future__ import annotations

from types import MappingProxyType

COVERED = MappingProxyType(
    {
        "node_data_missing": ("node_does_not_report",),
        "libvirt_down": ("libvirtd_does_not_answer",),
        "guest_broken": ("guest_is_broken",),
        "guest_hung": ("qemu_does_not_answer",),
        "guest_unresponsive": ("qemu_does_not_answer",),
        "guest_runs_twice": ("guest_runs_on_two_nodes",),
        "agents_share_a_name": ("two_agents_of_one_name",),
        "guest_not_running": ("guest_is_not_running",),
        "service_down": ("service_is_down", "identity_is_down", "infrastructure_is_down", "user_check_fails"),
        "service_degraded": ("service_is_degraded",),
        "service_unknown": ("service_cannot_be_judged",),
        "instance_down": ("part_is_down",),
        "capacity_unknown": ("source_cannot_be_read",),
        "fleet_full_soon": ("full_before_lead_time",),
        "fleet_loss_short": ("failover_deficit",),
    }
)
"""By ``Trigger.ident``: the names of the rules that judge the same thing, whatever Zabbix says of it."""
