"""How old what is known of a guest is, by the way that it came; and what libvirt keeps of it."""

from __future__ import annotations

from argus.catalogue.model import GUEST, GUEST_PATH, Metric, Subsystem, Unit

AGE = Metric(
    "data",
    "age_seconds",
    "Age of the newest values of the guest. On the libvirt path it grows while libvirtd or the guest's QEMU "
    "does not answer; on the kernel path while its process is not found. Files that are dear to read "
    "(numa_maps, smaps_rollup) are read in turn, a round within ten minutes.",
    "agent",
    GUEST_PATH,
    unit=Unit.SECONDS,
)
SNAPSHOTS = Metric(
    "data",
    "snapshots",
    "Snapshots that libvirt keeps of the guest.",
    "virDomainSnapshotNum, asked every few minutes",
    GUEST,
)

SUBSYSTEM = Subsystem("guest_data", "Data", (AGE, SNAPSHOTS))
