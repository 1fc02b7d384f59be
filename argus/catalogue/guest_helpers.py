"""Processes that libvirt runs beside a guest's QEMU: what they use is the guest's, and no other value has it.

swtpm (TPM), virtiofsd (shared directories), passt and slirp (user networking), dbus-daemon, qemu-pr-helper
(persistent reservations), vhost-user-* (GPU, input), nbdkit; others are together under ``other``.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import HELPER_ROLE, Graph, Kind, Metric, Subsystem, Unit

_helpers = partial(Metric, "helpers", entity=HELPER_ROLE)
_FOUND = "cgroup.procs of the guest's control group, or libvirt's pid files; /proc/PID/stat, "

ALIVE = _helpers(
    "alive",
    "Processes in this role. A guest with a TPM that has no swtpm any more will hang when it uses it.",
    _FOUND + "comm",
    shown=False,
)
CPU = _helpers(
    "cpu_seconds",
    "CPU time of the guest's helpers in this role: virtiofsd near a CPU limits its shared directories.",
    _FOUND + "utime + stime",
    kind=Kind.COUNTER,
    unit=Unit.SECONDS,
)
RSS = _helpers(
    "rss_bytes",
    "Memory of the node that the guest's helpers in this role hold; virtiofsd's includes what it shares "
    "with the guest, whose own memory counts there again.",
    _FOUND + "rss",
    unit=Unit.BYTES,
)

SUBSYSTEM = Subsystem(
    "guest_helpers",
    "Helper processes of the guest",
    (ALIVE, CPU, RSS),
    graphs=(Graph("Helpers of the guest: {#ROLE}", (CPU, RSS)),),
)
