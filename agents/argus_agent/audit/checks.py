"""The checks: each compares one setting of the facts with the profile and yields a row for what it looked at.

A new check is one function and one name in ``CHECKS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from argus_agent.kernel.cpulist import format_cpulist

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus_agent.audit.facts import NodeFacts
    from argus_agent.audit.profile import Profile

_THP = "/sys/kernel/mm/transparent_hugepage"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.  ``found`` is ``None`` when the machine does not tell: that is not agreement."""

    check: str
    subject: str
    found: str | None
    wanted: str
    why: str
    mend: str

    @property
    def agrees(self) -> bool:
        """Whether the machine is as agreed."""
        return self.found == self.wanted


def audit(facts: NodeFacts, profile: Profile) -> tuple[Row, ...]:
    """Run every check that the profile asks for."""
    return tuple(row for check in CHECKS for row in check(facts, profile))


def ksm(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """Merging costs CPU and breaks huge pages; off, and with THP on, NetEase's cloud gained about 7 %."""
    if profile.ksm_run is not None:
        yield Row(
            "ksm",
            facts.name,
            # 2 is off as well: it was told to give merged pages back, and nothing is merged since
            "0" if profile.ksm_run == 0 and facts.ksm_run == "2" else facts.ksm_run,
            str(profile.ksm_run),
            "merging pages costs CPU and splits huge pages",
            # 2 also gives merged pages back; 0 would leave them merged
            f"echo {2 if profile.ksm_run == 0 else profile.ksm_run} > /sys/kernel/mm/ksm/run"
            + (" && echo 0 > /sys/kernel/mm/ksm/run" if profile.ksm_run == 0 else ""),
        )


def huge_pages(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """Guests want huge pages, but not to wait for compaction."""
    settings = (
        ("enabled", facts.thp_enabled, profile.thp_enabled, "guests' memory accesses miss the TLB less"),
        ("defrag", facts.thp_defrag, profile.thp_defrag, "a guest stands still while memory is compacted"),
        (
            "khugepaged/defrag",
            facts.khugepaged_defrag,
            profile.khugepaged_defrag,
            "compaction in the background competes with guests",
        ),
    )
    for name, found, wanted, why in settings:
        if wanted is not None:
            yield Row(f"thp {name}", facts.name, found, str(wanted), why, f"echo {wanted} > {_THP}/{name}")


def schedulers(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """The I/O scheduler decides how guests share a disk."""
    wanted = profile.io_schedulers
    for disk, found in facts.schedulers.items() if wanted else ():
        assert wanted is not None
        yield Row(
            "io scheduler",
            disk,
            found,
            found if found is not None and found in wanted else " or ".join(wanted),
            "decides how guests share a disk",
            f"echo {wanted[0]} > /sys/block/{disk}/queue/scheduler",
        )


def vhost(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """vhost_net moves packets in the kernel; without it each packet wakes QEMU."""
    if profile.vhost_net is not None:
        yield Row(
            "vhost_net",
            facts.name,
            None if facts.vhost_net is None else "loaded" if facts.vhost_net else "not loaded",
            "loaded" if profile.vhost_net else "not loaded",
            "without it every packet of a guest wakes QEMU",
            "modprobe vhost_net && echo vhost_net > /etc/modules-load.d/vhost_net.conf",
        )
    for guest in facts.guests if profile.vhost_net else ():
        if guest.nic_drivers:
            found = "qemu" if "qemu" in guest.nic_drivers else ", ".join(sorted({*guest.nic_drivers}))
            yield Row(
                "nic driver",
                guest.name,
                found,
                "vhost" if found == "qemu" else found,
                "packets through QEMU cost several times the CPU",
                f"virsh edit {quote(guest.name)}: <model type='virtio'/> and <driver name='vhost'/>",
            )


def memory(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """RAM that is promised twice ends in swapping or in an OOM kill."""
    limit = profile.memory_overcommit_max
    if limit is not None:
        promised = sum(guest.memory_bytes for guest in facts.guests)
        ratio = promised / facts.memory_bytes
        within = f"at most {limit:.2f}"
        known = within if not facts.missed else None  # what could not be read may have more
        yield Row(
            "memory overcommit",
            facts.name,
            known if ratio <= limit else f"{ratio:.2f}",
            within,
            "memory promised twice ends in swapping or an OOM kill",
            "live-migrate a guest away, and lower ram_allocation_ratio of the node",
        )


def confinement(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """The host's own work (interrupts, OVS, nova-compute) needs CPUs that no guest takes."""
    reserved = profile.reserved_cpus
    if reserved is None or not profile.guest_confined:
        return
    wanted = format_cpulist(facts.cpus - reserved)
    if not wanted:
        yield Row(
            "reserved cpus",
            facts.name,
            f"all of {format_cpulist(facts.cpus)}",
            "some of them",
            "the profile leaves no CPU to guests: it was not written for this node",
            "lower reserved_cpus in the profile, or give this node one of its own",
        )
        return
    for guest in facts.guests:
        allowed = frozenset().union(*(facts.cpus if pins is None else pins for pins in guest.affinity))
        strays = allowed & reserved
        yield Row(
            "vcpu affinity",
            guest.name,
            format_cpulist(allowed) if strays else f"within {wanted}",
            f"within {wanted}",
            f"CPUs {format_cpulist(reserved)} are the host's: interrupts and daemons wait otherwise",
            f"virsh vcpupin {quote(guest.name)} <vcpu> {wanted}, for each of {len(guest.affinity)}",
        )


def cpu_limits(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """Shares say who yields to whom; a quota keeps one guest from taking what others were promised."""
    for guest in facts.guests:
        for wanted, name, value in (
            (profile.guest_cpu_shares, "cpu_shares", guest.shares),
            (profile.guest_cpu_quota, "vcpu_quota", guest.quota if (guest.quota or 0) > 0 else None),
        ):
            if wanted is not None:
                yield Row(
                    name.replace("_", " "),
                    guest.name,
                    "set" if value is not None else "not set",
                    "set" if wanted else "not set",
                    "without it one guest can take what others were promised",
                    f"virsh schedinfo {quote(guest.name)} --live --config {name}=<value of the flavor>",
                )


def disks(facts: NodeFacts, profile: Profile) -> Iterator[Row]:
    """Cached disks use memory twice; disks without limits starve their neighbours."""
    for guest in facts.guests:
        for disk in guest.disks:
            subject = f"{guest.name} {disk.target}"
            if profile.guest_disk_cache is not None and disk.page_cached:
                yield Row(
                    "disk cache",
                    subject,
                    disk.cache,
                    # directsync passes the page cache by as well
                    disk.cache
                    if (profile.guest_disk_cache, disk.cache) == ("none", "directsync")
                    else profile.guest_disk_cache,
                    "the node's page cache holds the same blocks as the guest's",
                    f"virsh edit {quote(guest.name)}: <driver cache='{profile.guest_disk_cache}'/>",
                )
            if profile.guest_io_limits is not None:
                yield Row(
                    "disk limits",
                    subject,
                    "set" if disk.limited else "not set",
                    "set" if profile.guest_io_limits else "not set",
                    "one guest can starve the others' disks",
                    f"virsh blkdeviotune {quote(guest.name)} {quote(disk.target)}"
                    " --total-iops-sec <of the flavor>",
                )


CHECKS = (ksm, huge_pages, schedulers, vhost, memory, confinement, cpu_limits, disks)
