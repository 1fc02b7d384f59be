"""Virtual functions of the node's network cards (SR-IOV), and which guest has them.

A guest with one bypasses the node: no tap counts its packets.  Directions are those of the function: received
is what its guest received.  Cards whose driver counts nothing tell zeros, which are left out.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import (
    GUEST_VF,
    NODE_NIC,
    VIRTUAL_FUNCTION,
    Graph,
    Kind,
    Macro,
    Metric,
    Severity,
    Subsystem,
    Trigger,
    Unit,
)

_INFO = "rtnetlink RTM_GETLINK, IFLA_VFINFO_LIST, "
_STATS = _INFO + "IFLA_VF_STATS_"
_vf = partial(Metric, "vf", entity=VIRTUAL_FUNCTION)
_count = partial(_vf, kind=Kind.COUNTER)
_own = partial(Metric, "vf", entity=GUEST_VF)
_own_count = partial(_own, kind=Kind.COUNTER)

FUNCTIONS = Metric(
    "nic",
    "vfs",
    "Virtual functions that the card is divided into.",
    "/sys/class/net/*/device/sriov_numvfs",
    NODE_NIC,
)
FUNCTIONS_OF_GUESTS = Metric(
    "nic",
    "vfs_of_guests",
    "Virtual functions that guests have. At the number of functions no further guest with one fits.",
    "/run/libvirt/qemu/*.xml, hostdev and interface; /sys/class/net/*/device/virtfn*",
    NODE_NIC,
)

RX_BYTES = _count("rx_bytes", "Bytes the virtual function received.", _STATS + "RX_BYTES", unit=Unit.BYTES)
TX_BYTES = _count("tx_bytes", "Bytes the virtual function sent.", _STATS + "TX_BYTES", unit=Unit.BYTES)
RX_PACKETS = _count(
    "rx_packets", "Packets the virtual function received.", _STATS + "RX_PACKETS", shown=False
)
TX_PACKETS = _count("tx_packets", "Packets the virtual function sent.", _STATS + "TX_PACKETS", shown=False)
RX_BROADCAST = _count(
    "rx_broadcast",
    "Broadcasts the virtual function received: many are a loop or a storm in its network.",
    _STATS + "BROADCAST",
    shown=False,
)
RX_MULTICAST = _count(
    "rx_multicast",
    "Multicasts the virtual function received.",
    _STATS + "MULTICAST",
    shown=False,
)
RX_DROPS = _count(
    "rx_drops",
    "Packets to the virtual function that the card dropped: its guest does not fetch them fast enough.",
    _STATS + "RX_DROPPED",
)
TX_DROPS = _count(
    "tx_drops",
    "Packets from the virtual function that the card dropped: the check for forged addresses, or its rate "
    "limit.",
    _STATS + "TX_DROPPED",
)
LINK = _vf(
    "link",
    "Link that the virtual function is shown: the port's, or one that is set. Always down cuts the guest "
    "off.",
    _INFO + "IFLA_VF_LINK_STATE",
    kind=Kind.STATE,
    states={0: "as the port", 1: "always up", 2: "always down"},
    shown=False,
)
TRUSTED = _vf(
    "trusted",
    "Whether the guest may go promiscuous and set its MAC address.",
    _INFO + "IFLA_VF_TRUST",
    kind=Kind.STATE,
    states={0: "no", 1: "yes"},
    shown=False,
)
SPOOF_CHECK = _vf(
    "spoof_check",
    "Whether the card drops packets of the guest with another's MAC address. Off: port security is.",
    _INFO + "IFLA_VF_SPOOFCHK",
    kind=Kind.STATE,
    states={0: "off", 1: "on"},
    shown=False,
)
VLAN = _vf(
    "vlan",
    "VLAN that the card puts the virtual function into; 0: none.",
    _INFO + "IFLA_VF_VLAN",
    shown=False,
)
OWNER = _vf(
    "guest",
    "UUID of the guest that has the virtual function.",
    "/run/libvirt/qemu/*.xml, hostdev and interface",
    kind=Kind.INFO,
    shown=False,
)
MAC = _vf("mac", "MAC address of the virtual function.", _INFO + "IFLA_VF_MAC", kind=Kind.INFO, shown=False)
ADDRESS = _vf(
    "address",
    "PCI address of the virtual function, as the guest's XML has it.",
    "/sys/class/net/*/device/virtfn*",
    kind=Kind.INFO,
    shown=False,
)

OWN_RX_BYTES = _own_count(
    "rx_bytes",
    "Bytes the guest received over its virtual function.",
    _STATS + "RX_BYTES",
    unit=Unit.BYTES,
)
OWN_TX_BYTES = _own_count(
    "tx_bytes",
    "Bytes the guest sent over its virtual function.",
    _STATS + "TX_BYTES",
    unit=Unit.BYTES,
)
OWN_RX_PACKETS = _own_count(
    "rx_packets", "Packets the guest received over its virtual function.", _STATS + "RX_PACKETS"
)
OWN_TX_PACKETS = _own_count(
    "tx_packets", "Packets the guest sent over its virtual function.", _STATS + "TX_PACKETS"
)
OWN_RX_DROPS = _own_count(
    "rx_drops",
    "Packets to the guest that the card dropped: it does not fetch them fast enough (steal, few queues).",
    _STATS + "RX_DROPPED",
)
OWN_TX_DROPS = _own_count(
    "tx_drops",
    "Packets from the guest that the card dropped: forged addresses, or its rate limit.",
    _STATS + "TX_DROPPED",
)
OWN_NIC = _own(
    "nic",
    "Card of the node that the virtual function is part of, with its number: for ip link show.",
    "/sys/class/net/*/device/virtfn*",
    kind=Kind.INFO,
    shown=False,
)

STATISTICS = (RX_BYTES, TX_BYTES, RX_PACKETS, TX_PACKETS, RX_BROADCAST, RX_MULTICAST, RX_DROPS, TX_DROPS)
"""In the order of ``rtnetlink.Statistics``."""
SETTINGS = (VLAN, LINK, SPOOF_CHECK, TRUSTED)
TEXTS = (OWNER, MAC, ADDRESS)
OWN_STATISTICS = (OWN_RX_BYTES, OWN_TX_BYTES, OWN_RX_PACKETS, OWN_TX_PACKETS, OWN_RX_DROPS, OWN_TX_DROPS)

_DROPS = "{$ARGUS.GUEST.VF.DROPS.MAX.WARN}"

SUBSYSTEM = Subsystem(
    "node_vf",
    "Virtual functions (SR-IOV)",
    (FUNCTIONS, FUNCTIONS_OF_GUESTS, *STATISTICS, *SETTINGS, *TEXTS, *OWN_STATISTICS, OWN_NIC),
    triggers=(
        Trigger(
            "guest_vf_drops",
            "Guest loses packets on its virtual function {#VF}",
            (OWN_RX_DROPS,),
            f"min(@1,5m)>{_DROPS}",
            Severity.WARNING,
            "performance",
            "The card dropped packets to the guest for 5 minutes, as the guest does not fetch them fast "
            "enough: its vCPUs wait for the node (steal), its driver has too few or too small queues "
            "(ethtool -g, -l in the guest), or a loop floods its network (broadcasts of the virtual "
            "function).",
            recovery=f"max(@1,5m)<={_DROPS}",
            event_name=f"Guest loses packets on its virtual function {{#VF}} (over {_DROPS} a second for 5m)",
            opdata="Dropped: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro(
            "ARGUS.GUEST.VF.DROPS.MAX.WARN",
            "100",
            "Packets per second to a guest that its virtual function may drop for five minutes.",
        ),
    ),
    graphs=(
        Graph("Node NIC {#NIC}: virtual functions", (FUNCTIONS, FUNCTIONS_OF_GUESTS)),
        Graph("Node NIC {#NIC} virtual function {#VF}", (RX_BYTES, TX_BYTES, RX_DROPS, TX_DROPS)),
        Graph("Virtual function {#VF}: traffic", (OWN_RX_BYTES, OWN_TX_BYTES)),
        Graph(
            "Virtual function {#VF}: packets", (OWN_RX_PACKETS, OWN_TX_PACKETS, OWN_RX_DROPS, OWN_TX_DROPS)
        ),
    ),
)
