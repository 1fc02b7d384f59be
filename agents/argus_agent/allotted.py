"""What each guest of the node is given: from libvirt's answer, or from what is known where that lacks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argus_agent.guests import Guest
    from argus_agent.kernel.domain import Size

KIB = 1024


class Allotted(NamedTuple):
    """What a guest is given; sizes in bytes, ``None`` where nobody says.

    ``dedicated`` are those of its vCPUs that have CPUs of the dedicated set to themselves, ``emulator`` the
    CPUs of that set that only QEMU's other threads have.
    """

    uuid: str
    running_id: int
    state: int
    active: bool
    vcpus: float | None
    maximum: float | None
    current: float | None
    dedicated: int | None
    emulator: int | None


def allot(
    guest: Guest, before: Allotted | None, recorded: Size | None, dedicated: frozenset[int]
) -> Allotted:
    """Return what a guest is given.

    libvirt leaves sizes out while the guest's QEMU hangs.  Then what it said ``before`` of this run of the
    guest holds, else its ``recorded`` status, else its definition.
    """
    if before is not None and before.running_id != guest.running_id:
        before = None
    defined = guest.definition.size if guest.definition else None
    said = [size for size in (recorded, defined) if size is not None]
    vcpus = _first(guest.number("vcpu.current"), before and before.vcpus, *(size.vcpus for size in said))
    own, emulator = _dedicated(said[0] if said else None, vcpus, dedicated)
    return Allotted(
        guest.uuid,
        guest.running_id,
        guest.state,
        guest.active,
        vcpus,
        _first(
            guest.number("balloon.maximum", KIB), before and before.maximum, *(each.maximum for each in said)
        ),
        _first(
            guest.number("balloon.current", KIB), before and before.current, *(each.current for each in said)
        ),
        own if own is not None or before is None else before.dedicated,
        emulator if emulator is not None or before is None else before.emulator,
    )


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _dedicated(
    size: Size | None, vcpus: float | None, dedicated: frozenset[int]
) -> tuple[int | None, int | None]:
    """Return vCPUs pinned within the dedicated set, and its CPUs that are kept for the emulator alone.

    Nova pins each vCPU of hw:cpu_policy=dedicated to one CPU of cpu_dedicated_set, with ``mixed`` some of
    them; hw:emulator_threads_policy=isolate takes one CPU more.
    """
    if not dedicated:
        return 0, 0
    if size is None or vcpus is None:
        return None, None
    pins = [cpus for vcpu, cpus in size.pins.items() if vcpu < vcpus and cpus and cpus <= dedicated]
    taken = frozenset(cpu for cpus in pins for cpu in cpus)
    apart = size.emulator and size.emulator <= dedicated and not size.emulator & taken
    return len(pins), len(size.emulator) if apart else 0
