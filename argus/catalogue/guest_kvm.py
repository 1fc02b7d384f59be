"""What KVM and QEMU count beside CPU time: exits, halt polling, the pages that back the guest, iothreads.

The names of KVM's own statistics are not stable (libvirt passes the kernel's on); absent is normal.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, VCPU, Kind, Metric, Subsystem, Unit

_kvm = partial(Metric, "kvm", entity=GUEST)
_exit = partial(Metric, "kvm", entity=VCPU, kind=Kind.COUNTER)
_STATS = "virConnectGetAllDomainStats "

POLL_SUCCESS = _kvm(
    "haltpoll_success_seconds",
    "Time of halt polling after which the vCPU went on at once.",
    _STATS + "cpu.haltpoll.success.time",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
    shown=False,
)
POLL_FAIL = _kvm(
    "haltpoll_fail_seconds",
    "Time of halt polling for nothing: CPU time of the node that no guest used.",
    _STATS + "cpu.haltpoll.fail.time",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
)
PAGES_4K = _kvm(
    "pages_4k",
    "Small pages that KVM maps for the guest. Most of a guest with huge pages should not be in these.",
    _STATS + "vm.pages_4k.sum",
)
PAGES_2M = _kvm(
    "pages_2m",
    "Pages of 2 MiB that KVM maps for the guest: what huge pages really back.",
    _STATS + "vm.pages_2m.sum",
)
PAGES_1G = _kvm(
    "pages_1g",
    "Pages of 1 GiB that KVM maps for the guest: what such a flavor really got.",
    _STATS + "vm.pages_1g.sum",
)
TLB_FLUSHES = _kvm(
    "remote_tlb_flushes",
    "Times that vCPUs had to drop translations since the node changed the guest's memory (KSM, THP, NUMA "
    "balancing, swap).",
    _STATS + "vm.remote_tlb_flush.sum",
    kind=Kind.COUNTER,
    shown=False,
)
IOTHREADS = _kvm(
    "iothreads",
    "I/O threads that the guest is given: disks beyond that many share one.",
    "domain XML, iothreads",
    shown=False,
)
DIRTY_RATE = _kvm(
    "dirty_rate_bytes",
    "Memory that the guest writes per second, where somebody had libvirt measure it; Argus never does.",
    _STATS + "dirtyrate.megabytes_per_second",
    unit=Unit.BYTES,
    per_second=True,
    shown=False,
)
EXITS = _exit(
    "exits",
    "Times the vCPU left the guest. A hundred thousand a second is a vCPU that mostly switches.",
    _STATS + "vcpu.N.exits.sum",
)
HALT_EXITS = _exit(
    "halt_exits",
    "Exits because the vCPU went idle. Very many: the guest sleeps and wakes all the time, as packets come.",
    _STATS + "vcpu.N.halt_exits.sum",
    shown=False,
)
IO_EXITS = _exit(
    "io_exits",
    "Exits for port I/O: emulated devices, such as IDE and e1000. Use virtio.",
    _STATS + "vcpu.N.io_exits.sum",
    shown=False,
)
MMIO_EXITS = _exit(
    "mmio_exits",
    "Exits for memory-mapped I/O: emulated or virtio devices without ioeventfd.",
    _STATS + "vcpu.N.mmio_exits.sum",
    shown=False,
)
IRQ_EXITS = _exit(
    "irq_exits",
    "Exits because an interrupt of the node came: others' devices and timers on the vCPU's CPU.",
    _STATS + "vcpu.N.irq_exits.sum",
    shown=False,
)
IRQ_INJECTIONS = _exit(
    "irq_injections",
    "Interrupts given to the vCPU: mostly packets and disk completions.",
    _STATS + "vcpu.N.irq_injections.sum",
    shown=False,
)
HALT_WAIT = _exit(
    "halt_wait_seconds",
    "Time that the vCPU was idle, polling aside: what the guest has left.",
    _STATS + "vcpu.N.halt_wait_ns.sum",
    unit=Unit.SECONDS,
    shown=False,
)

OF_GUEST = {
    "cpu.haltpoll.success.time": (POLL_SUCCESS, 1e-9),
    "cpu.haltpoll.fail.time": (POLL_FAIL, 1e-9),
    "vm.pages_4k.sum": (PAGES_4K, 1),
    "vm.pages_2m.sum": (PAGES_2M, 1),
    "vm.pages_1g.sum": (PAGES_1G, 1),
    "vm.remote_tlb_flush.sum": (TLB_FLUSHES, 1),
}
OF_VCPU = {
    "exits.sum": (EXITS, 1),
    "halt_exits.sum": (HALT_EXITS, 1),
    "io_exits.sum": (IO_EXITS, 1),
    "mmio_exits.sum": (MMIO_EXITS, 1),
    "irq_exits.sum": (IRQ_EXITS, 1),
    "irq_injections.sum": (IRQ_INJECTIONS, 1),
    "halt_wait_ns.sum": (HALT_WAIT, 1e-9),
}

SUBSYSTEM = Subsystem(
    "guest_kvm",
    "KVM",
    (
        *(metric for metric, _ in OF_GUEST.values()),
        IOTHREADS,
        DIRTY_RATE,
        *(metric for metric, _ in OF_VCPU.values()),
    ),
)
