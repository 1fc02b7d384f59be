"""Network interfaces of the node that all guests share: link, load, losses.

https://docs.kernel.org/networking/statistics.html, Documentation/ABI/testing/sysfs-class-net
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import NODE_NIC, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

_nic = partial(Metric, "nic", entity=NODE_NIC)
_count = partial(_nic, kind=Kind.COUNTER)
_NET = "/sys/class/net/*/"
_STATISTICS = _NET + "statistics/"

LINK = _nic(
    "link",
    "Whether the interface has a link.",
    _NET + "carrier",
    kind=Kind.STATE,
    states={0: "down", 1: "up"},
)
SPEED = _nic(
    "speed_bytes", "Speed of the link, bytes per second each way.", _NET + "speed * 125000", unit=Unit.BYTES
)
USED = _nic(
    "used_ratio",
    "Share of the link's speed that the busier direction used over the agent's last interval: near 100 % "
    "packets of all guests wait or are lost.",
    "growth of rx_bytes and tx_bytes / time / speed",
    unit=Unit.RATIO,
)
RX_BYTES = _count("rx_bytes", "Bytes received.", _STATISTICS + "rx_bytes", unit=Unit.BYTES)
TX_BYTES = _count("tx_bytes", "Bytes sent.", _STATISTICS + "tx_bytes", unit=Unit.BYTES)
RX_PACKETS = _count("rx_packets", "Packets received.", _STATISTICS + "rx_packets")
TX_PACKETS = _count("tx_packets", "Packets sent.", _STATISTICS + "tx_packets")
RX_ERRORS = _count("rx_errors", "Packets received with errors: cable, optics.", _STATISTICS + "rx_errors")
TX_ERRORS = _count("tx_errors", "Packets that could not be sent.", _STATISTICS + "tx_errors")
RX_DROPS = _count(
    "rx_drops",
    "Packets dropped on arrival: the ring is too short, CPUs are too slow, or nobody wants the protocol.",
    _STATISTICS + "rx_dropped",
)
TX_DROPS = _count("tx_drops", "Packets dropped before they were sent.", _STATISTICS + "tx_dropped")
STATISTICS = {
    "rx_bytes": RX_BYTES,
    "tx_bytes": TX_BYTES,
    "rx_packets": RX_PACKETS,
    "tx_packets": TX_PACKETS,
    "rx_errors": RX_ERRORS,
    "tx_errors": TX_ERRORS,
    "rx_dropped": RX_DROPS,
    "tx_dropped": TX_DROPS,
}

_WATCHED = '{$ARGUS.NODE.NIC.CONTROL:"{#NIC}"}'

SUBSYSTEM = Subsystem(
    "node_nic",
    "Network interfaces of the node",
    (LINK, SPEED, USED, *STATISTICS.values()),
    triggers=(
        Trigger(
            "node_link_lost",
            "Node: NIC {#NIC} lost its link",
            (LINK,),
            f"{_WATCHED}=1 and last(@1)=0 and max(@1,1h)=1",
            Severity.AVERAGE,
            "availability",
            "The interface had a link within the last hour and has none now: cable, optics or switch. In a "
            "bond the guests run on over what is left; alone, they are cut off. ip link, ethtool and the "
            "switch's port tell more.",
            recovery=f"last(@1)=1 or {_WATCHED}=0",
            opdata="Link: {ITEM.LASTVALUE1}",
        ),
    ),
    macros=(
        Macro("ARGUS.NODE.NIC.CONTROL", "1", "Whether a NIC must have a link, 1 or 0; context: its name."),
    ),
    graphs=(
        Graph("Node NIC {#NIC}: traffic", (RX_BYTES, TX_BYTES)),
        Graph("Node NIC {#NIC}: losses", (RX_ERRORS, TX_ERRORS, RX_DROPS, TX_DROPS)),
    ),
)
