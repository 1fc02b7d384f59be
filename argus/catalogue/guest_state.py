"""State of a guest and why it is in it, as libvirt says.

https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState
"""

from __future__ import annotations

from argus.catalogue.model import GUEST, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_STATES = {
    0: "no state",
    1: "running",
    2: "blocked",
    3: "paused",
    4: "shutting down",
    5: "shut off",
    6: "crashed",
    7: "suspended by its power management",
}
# The number of a reason means something only together with its state, hence one code for both.
REASON_BASE = 100
_REASONS = {
    1: "unknown,booted,migrated,restored,from snapshot,unpaused,migration cancelled,save cancelled,woken up,"
    "guest crashed,post-copy,post-copy failed",
    2: "unknown",
    3: "unknown,by user,migration,save,core dump,I/O error,watchdog,from snapshot,shutting down,snapshot,"
    "guest crashed,starting up,post-copy,post-copy failed,API error",
    4: "unknown,by user",
    5: "unknown,shut down,destroyed,crashed,migrated,saved,failed to start,from snapshot,by daemon",
    6: "unknown,panicked",
    7: "unknown",
}


def reason_code(state: int, reason: int) -> int:
    """One number for a state and its reason: 305 is paused (3) by an I/O error (5)."""
    return state * REASON_BASE + reason


_REASON_NAMES = {
    reason_code(state, number): f"{_STATES[state]}: {name}"
    for state, names in _REASONS.items()
    for number, name in enumerate(names.split(","))
}

STATE = Metric(
    "state",
    "",
    "What the guest is doing. A guest that is neither running nor blocked serves nobody.",
    "virConnectGetAllDomainStats state.state",
    GUEST,
    Kind.STATE,
    states=_STATES,
)
REASON = Metric(
    "state",
    "reason",
    "Why the guest is in its state: 100 * state + libvirt's reason, e.g. 305 = paused by an I/O error.",
    "virConnectGetAllDomainStats state.reason",
    GUEST,
    Kind.STATE,
    states=_REASON_NAMES,
)

HELD = Metric(
    "state",
    "held_seconds",
    "Time that the agent has seen the guest in its state and for the same reason: at least this long.",
    "agent",
    GUEST,
    unit=Unit.SECONDS,
    shown=False,
)
AGENT = Metric(
    "agent",
    "connected",
    "Whether the QEMU guest agent in the guest answers to the channel. Absent where the guest has none.",
    "domain XML, channel org.qemu.guest_agent.0 @state",
    GUEST,
    Kind.STATE,
    states={0: "disconnected", 1: "connected"},
    shown=False,
)

ANSWERS = Metric(
    "state",
    "qemu_answers",
    "Whether QEMU of the guest answers libvirtd. One that does not can be neither stopped nor migrated, most "
    "of its values are missing, and the guest most probably stands still. Absent of a guest that is off.",
    "virDomainGetControlInfo, where libvirt's bulk call does not come back",
    GUEST,
    Kind.STATE,
    states={0: "does not answer", 1: "answers"},
)

_CONTROL = Macro(
    "ARGUS.GUEST.STATE.CONTROL",
    "1",
    "Set to 0 on a guest, or for all, that may be stopped without a problem.",
)
# Pauses of seconds that belong to an operation: migration, save, dump, snapshot, start, post-copy.
_PASSING = " and ".join(f"last(@1)<>{code}" for code in (302, 303, 304, 309, 311, 312))
_ITS_OWN_WISH = reason_code(5, 1)  # shut down from inside, which is how Nova stops a guest, too
# I/O error, watchdog, crash, failed post-copy and start: nobody asked for these.
_BROKEN = " or ".join(f"last(@1)={code}" for code in (109, 111, 305, 306, 310, 313, 314, 503, 506, 600, 601))

SUBSYSTEM = Subsystem(
    "guest_state",
    "State",
    (STATE, REASON, HELD, AGENT, ANSWERS),
    triggers=(
        Trigger(
            "guest_hung",
            "QEMU of the guest does not answer",
            (ANSWERS,),
            "max(@1,1m)=0",
            Severity.HIGH,
            "availability",
            "libvirtd answers, but the QEMU of this guest has not for a minute: the guest can be neither "
            "stopped nor migrated, and most probably stands still. On its node look at the state of the "
            "QEMU process (ps: D waits for storage, T was stopped, Z ended) and at the storage behind its "
            "disks.",
            recovery="min(@1,30s)=1",
            opdata="QEMU: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "guest_broken",
            "Guest crashed or was paused by an error",
            (REASON,),
            f"{{$ARGUS.GUEST.STATE.CONTROL}}=1 and ({_BROKEN})",
            Severity.HIGH,
            "availability",
            "The guest crashed, its watchdog fired, or QEMU paused it because storage returned an error. "
            "Look at the state reason, at the node's storage (a full or lost volume pauses with an I/O "
            "error; the item error of each disk says which), and at /var/log/libvirt/qemu/<domain>.log; "
            "then resume or start the guest.",
            event_name="Guest is {ITEM.VALUE1}",
            opdata="State: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "guest_not_running",
            "Guest is not running",
            # The reason alone, which says the state too: of two items the second still has its old value when
            # the first makes the trigger fire, and the event would be named by that.
            (REASON,),
            f"{{$ARGUS.GUEST.STATE.CONTROL}}=1 and (last(@1)<{REASON_BASE} or last(@1)>={3 * REASON_BASE})"
            f" and {_PASSING} and last(@1)<>{_ITS_OWN_WISH}",
            Severity.INFO,
            "availability",
            "The guest is paused or off, and did not shut down by itself: 'destroyed' was an administrator, "
            "or Nova when the guest did not heed its request; 'by user' was virsh or the dashboard. Nova's "
            "openstack server event list tells who asked. Start it, or set {$ARGUS.GUEST.STATE.CONTROL} to 0 "
            "if it may be off.",
            event_name="Guest is not running: {ITEM.VALUE1}",
            opdata="State: {ITEM.LASTVALUE1}",
            depends_on=("guest_broken",),
        ),
    ),
    macros=(_CONTROL,),
)
