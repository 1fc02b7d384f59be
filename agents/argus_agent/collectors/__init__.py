"""The collectors, one line each: module and class.  They are imported when an agent starts, not before."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from argus_agent.cycle import Collector

# In the order they run: what does without libvirt first, while libvirt's answer is on its way.
COLLECTORS = {
    "node_cpu": "NodeCpu",
    "node_memory": "NodeMemory",
    "node_load": "NodeLoad",
    "node_pressure": "NodePressure",
    "node_vmstat": "NodeVmstat",
    "node_net": "NodeNet",
    "node_nic": "NodeNic",
    "node_vf": "NodeVf",
    "node_sched": "NodeSched",
    "node_filesystem": "NodeFilesystem",
    "node_block": "NodeBlock",
    "node_md": "NodeMd",
    "node_multipath": "NodeMultipath",
    "node_cpufreq": "NodeCpufreq",
    "node_edac": "NodeEdac",
    "node_energy": "NodeEnergy",
    "node_units": "NodeUnits",
    "numa": "Numa",
    "numa_cpu": "NumaCpu",
    "hugepages": "Hugepages",
    "ksm": "Ksm",
    "thp": "Thp",
    "audit": "Audit",
    "placement": "Placement",
    "guest_threads": "GuestThreads",
    "guest_switches": "GuestSwitches",
    "guest_helpers": "GuestHelpers",
    "node_vhost": "NodeVhost",
    "node_cgroups": "NodeCgroups",
    "guest_process": "GuestProcessMemory",
    "guest_qemu": "GuestQemu",
    "guest_numa": "GuestNuma",
    "guest_ksm": "GuestKsm",
    "guest_throttle": "GuestThrottle",
    "guest_io": "GuestIo",
    "guest_pressure": "GuestPressure",
    "guest_tap": "GuestTap",
    "guest_memory_events": "GuestMemoryEvents",
    "libvirt": "Libvirt",
    "allocation": "AllocationOfNode",
    "guest_state": "GuestState",
    "guest_info": "GuestInfo",
    "guest_cpu": "GuestCpu",
    "guest_memory": "GuestMemory",
    "guest_disk": "GuestDisk",
    "guest_nic": "GuestNic",
    "guest_events": "GuestEvents",
    "guest_job": "GuestJob",
    "guest_kvm": "GuestKvm",
    "guest_disk_limit": "GuestDiskLimit",
    "guest_data": "GuestData",
    "storage_pool": "StoragePool",
    "agent": "Agent",
}


def load_collectors() -> dict[str, Collector]:
    """Import and make all collectors, by name."""
    return {
        name: cast("Collector", getattr(import_module(f"{__name__}.{name}"), cls)())
        for name, cls in COLLECTORS.items()
    }
