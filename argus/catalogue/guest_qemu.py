"""The QEMU that each guest runs, beside the one that is installed, and its machine type.

A guest keeps the program it was started with: an upgrade, a security fix too, reaches it when it is stopped
and started, or migrated.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger

_qemu = partial(Metric, "qemu", entity=GUEST)

VERSION = _qemu(
    "version",
    "Version of the QEMU that runs the guest, with the distribution's own: which fixes it has.",
    "/proc/PID/exe, the text that --version prints",
    kind=Kind.INFO,
)
MACHINE = _qemu(
    "machine",
    "Machine type of the guest, which it keeps over migrations: the hardware that QEMU shows to it. Old "
    "ones are dropped by new versions of QEMU; the guest must be stopped and started with a new one before.",
    "/run/libvirt/qemu/*.xml, os/type@machine",
    kind=Kind.INFO,
)
OUTDATED = _qemu(
    "outdated",
    "Whether the guest runs a QEMU that was replaced since: it lacks the fixes of the one that is "
    "installed. Not told of a QEMU in a container, whose files stay as they are.",
    "/proc/PID/exe, its inode and build ID beside those of the file that is installed",
    kind=Kind.STATE,
    states={0: "runs what is installed", 1: "runs what was replaced"},
)
GUESTS_OUTDATED = Metric(
    "guests",
    "outdated_qemu",
    "Guests that run a QEMU which was replaced since: migrate them, or stop and start them, to give them "
    "the fixes of the one that is installed.",
    "/proc/PID/exe, of each guest",
)
_MAX = "{$ARGUS.NODE.QEMU.OUTDATED.MAX}"

SUBSYSTEM = Subsystem(
    "guest_qemu",
    "QEMU version and machine type",
    (VERSION, MACHINE, OUTDATED, GUESTS_OUTDATED),
    triggers=(
        Trigger(
            "qemu_outdated",
            "Guests run a QEMU that was replaced",
            (GUESTS_OUTDATED,),
            f"min(@1,1h)>{_MAX}",
            Severity.INFO,
            "notice",
            "QEMU was upgraded, and guests run on with the old one, without its fixes. Migrate them away "
            "and back, or have their owners stop and start them (a reboot from inside is not enough). Item "
            "QEMU: version of each guest says what it runs.",
            recovery=f"max(@1,10m)<={_MAX}",
            event_name=f"Guests run a QEMU that was replaced (more than {_MAX} for 1h)",
            opdata="Guests: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.QEMU.OUTDATED.MAX", "0", "Guests of a node that may run a QEMU which was replaced."
        ),
    ),
    graphs=(Graph("Guests with a QEMU that was replaced", (GUESTS_OUTDATED,)),),
)
