"""Memory errors that the memory controllers corrected or could not correct, as the kernel's EDAC counts them.

Documentation/ABI/testing/sysfs-devices-edac, https://docs.kernel.org/driver-api/edac.html
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import (
    DIMM,
    MEMORY_CONTROLLER,
    Graph,
    Kind,
    Macro,
    Metric,
    Severity,
    Subsystem,
    Trigger,
)

_controller = partial(Metric, "edac", entity=MEMORY_CONTROLLER)
_dimm = partial(Metric, "dimm", entity=DIMM)
_MC = "/sys/devices/system/edac/mc/mc*/"

CORRECTED = _controller(
    "corrected_errors",
    "Memory errors that ECC corrected. A few a month are normal; many from one DIMM come before errors that "
    "it cannot correct: replace the module.",
    _MC + "ce_count",
    kind=Kind.COUNTER,
    rare=True,
)
UNCORRECTED = _controller(
    "uncorrected_errors",
    "Memory errors that ECC could not correct: data of a guest or of the node was lost.",
    _MC + "ue_count",
    kind=Kind.COUNTER,
    rare=True,
)
CORRECTED_UNPLACED = _controller(
    "corrected_errors_unplaced",
    "Corrected errors of which the controller does not know the DIMM: the sum of the DIMMs is that much "
    "smaller.",
    _MC + "ce_noinfo_count",
    kind=Kind.COUNTER,
    rare=True,
    shown=False,
)
NAME = _controller(
    "name", "What the controller is, by its driver.", _MC + "mc_name", kind=Kind.INFO, shown=False
)
DIMM_CORRECTED = _dimm(
    "corrected_errors",
    "Errors of this memory module that ECC corrected: which one to replace.",
    _MC
    + "dimm*/dimm_ce_count (rank*/ where the controller knows ranks); csrow*/ce_count in kernels before 4.10",
    kind=Kind.COUNTER,
    rare=True,
)
DIMM_UNCORRECTED = _dimm(
    "uncorrected_errors",
    "Errors of this memory module that ECC could not correct: replace it.",
    _MC + "dimm*/dimm_ue_count, rank*/ and csrow*/ as above",
    kind=Kind.COUNTER,
    rare=True,
)
DIMM_LABEL = _dimm(
    "label",
    "Where the memory module sits: the silk screen's text where labels were registered (edac-ctl), else the "
    "driver's.",
    _MC + "dimm*/dimm_label",
    kind=Kind.INFO,
)

_CORRECTED_MAX = "{$ARGUS.NODE.EDAC.CORRECTED.MAX.WARN}"

SUBSYSTEM = Subsystem(
    "node_edac",
    "Memory errors",
    (CORRECTED, UNCORRECTED, CORRECTED_UNPLACED, NAME, DIMM_CORRECTED, DIMM_UNCORRECTED, DIMM_LABEL),
    triggers=(
        Trigger(
            "memory_uncorrected",
            "Node: memory error that could not be corrected ({#CONTROLLER})",
            (UNCORRECTED,),
            "max(@1,1h)>0",
            Severity.HIGH,
            "availability",
            "The memory lost data within the last hour. The kernel stops the process that owns the page, "
            "often a guest; in the kernel's own memory the node stops. journalctl -k names the DIMM and the "
            "address; move the guests away, then replace the module.",
            recovery="max(@1,1h)=0",
            opdata="Errors since the value before: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "memory_corrected",
            "Node: many corrected memory errors ({#CONTROLLER})",
            (CORRECTED,),
            f"sum(@1,1h)>{_CORRECTED_MAX}",
            Severity.WARNING,
            "notice",
            "ECC corrects errors of this controller at a rate that is not chance: a module or its contact "
            "fails. The counters of the DIMMs say which one; plan to move the guests away and to replace it "
            "before errors come that cannot be corrected.",
            recovery=f"sum(@1,1h)<={_CORRECTED_MAX}",
            event_name=f"Node: corrected memory errors of {{#CONTROLLER}} (over {_CORRECTED_MAX} within 1h)",
            opdata="Errors since the value before: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.EDAC.CORRECTED.MAX.WARN",
            "10",
            "Corrected memory errors of one controller within an hour that are accepted.",
        ),
    ),
    graphs=(
        Graph("Memory errors of {#CONTROLLER}", (CORRECTED, UNCORRECTED)),
        Graph("Memory errors of {#CONTROLLER} {#DIMM}", (DIMM_CORRECTED, DIMM_UNCORRECTED)),
    ),
)
