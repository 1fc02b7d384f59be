"""How old what is known of a guest is, by the way that it came; and what libvirt keeps of it."""

from __future__ import annotations

from argus.catalogue.model import GUEST, GUEST_PATH, Graph, Metric, Subsystem, Unit

AGE = Metric(
    "data",
    "age_seconds",
    "Age of the newest values of the guest. On the libvirt path it grows while libvirtd or the guest's QEMU "
    "does not answer; on the kernel path while its process is not found. Where its memory is comes from "
    "its control group (numa_stat, memory_stat), renewed within two minutes, or from page tables (numa_maps, "
    "smaps_rollup), one guest at a time and each of them every ten minutes at most.",
    "agent",
    GUEST_PATH,
    unit=Unit.SECONDS,
)
SNAPSHOTS = Metric(
    "data",
    "snapshots",
    "Snapshots that libvirt keeps of the guest. Old ones make its disks larger and slower: merge or delete.",
    "virDomainSnapshotNum, asked every few minutes",
    GUEST,
    shown=False,
)

SUBSYSTEM = Subsystem(
    "guest_data", "Data", (AGE, SNAPSHOTS), graphs=(Graph("Path {#PATH}: age of values", (AGE,)),)
)
