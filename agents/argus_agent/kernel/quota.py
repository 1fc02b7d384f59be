"""How long CPU quotas stopped the vCPUs of a guest, from ``cpu.stat`` of its control groups.

libvirt sets ``quota:cpu_quota`` on each vCPU's own group; a group above may have one for the whole guest.
The scheduler counts a stopped thread as one that waits (``schedstat``), so who asks what others took from a
guest has to take this off.  https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

from argus_agent.kernel.files import is_absence, read_record
from argus_agent.kernel.process import parse_counters


class Stopped(dict[int, float]):
    """Seconds by number of the vCPU, each with all of ``joint``: what stopped the guest's groups as a whole.

    The kernel sums that over CPUs and does not say which thread it stopped: of what is joint a vCPU has as
    much as it waited, which the caller knows.
    """

    joint: float = 0.0


def stopped_seconds(folder: str, vcpus: int) -> Stopped:
    """Return the most that quotas stopped each vCPU since the guest began; empty where nothing has a quota.

    ``folder`` is the guest's group of the controller ``cpu``.  Raises ``OSError`` when a group is there and
    cannot be read.
    """
    above = [_stopped(group) for group in (folder, f"{folder}/libvirt")]
    found = Stopped()
    found.joint = sum(each for each in above if each is not None)
    for vcpu in range(vcpus):
        own = _stopped(f"{folder}/libvirt/vcpu{vcpu}")
        if own is None:
            own = _stopped(f"{folder}/vcpu{vcpu}")
        if own is not None or any(each is not None for each in above):
            found[vcpu] = (own or 0.0) + found.joint
    return found


def _stopped(group: str) -> float | None:
    """Seconds; ``None`` for a group that is not there or never had a quota to keep."""
    try:
        counters = parse_counters(read_record(f"{group}/cpu.stat"))
    except OSError as error:
        if is_absence(error):
            return None
        raise
    if not counters.get("nr_periods"):
        return None
    return counters.get("throttled_time", 0) / 1e9 + counters.get("throttled_usec", 0) / 1e6
