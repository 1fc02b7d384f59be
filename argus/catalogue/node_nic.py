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
    "Whether the interface has a link. Down: cable, optics or switch; in a bond the other one carries on.",
    _NET + "carrier",
    kind=Kind.STATE,
    states={0: "down", 1: "up"},
)
SPEED = _nic(
    "speed_bytes",
    "Speed of the link, bytes per second each way. Lower than the port can do: cable, optics, or what the "
    "switch agreed to.",
    _NET + "speed * 125000",
    unit=Unit.BYTES,
    per_second=True,
    shown=False,
)
USED = _nic(
    "used_ratio",
    "Share of the link's speed that the busier direction used over the agent's last interval: near 100 % "
    "packets of all guests wait or are lost.",
    "growth of rx_bytes and tx_bytes / time / speed",
    unit=Unit.RATIO,
)
RX_BYTES = _count(
    "rx_bytes",
    "Bytes received, for all guests and the node together: compare them with the speed of the link.",
    _STATISTICS + "rx_bytes",
    unit=Unit.BYTES,
)
TX_BYTES = _count(
    "tx_bytes",
    "Bytes sent, for all guests and the node together: compare them with the speed of the link.",
    _STATISTICS + "tx_bytes",
    unit=Unit.BYTES,
)
RX_PACKETS = _count(
    "rx_packets",
    "Packets received. Many small ones cost more CPU than few large ones of the same bytes.",
    _STATISTICS + "rx_packets",
)
TX_PACKETS = _count(
    "tx_packets",
    "Packets sent. Many small ones cost more CPU than few large ones of the same bytes.",
    _STATISTICS + "tx_packets",
)
RX_ERRORS = _count(
    "rx_errors",
    "Packets received with errors: cable, optics, or the switch's port.",
    _STATISTICS + "rx_errors",
)
TX_ERRORS = _count(
    "tx_errors",
    "Packets that could not be sent: look at the link, the driver and its firmware.",
    _STATISTICS + "tx_errors",
)
RX_DROPS = _count(
    "rx_drops",
    "Packets dropped on arrival: the ring is too short, CPUs are too slow, or nobody wants the protocol.",
    _STATISTICS + "rx_dropped",
)
TX_DROPS = _count(
    "tx_drops",
    "Packets dropped before they were sent: the queue of the interface is full, the link is too slow.",
    _STATISTICS + "tx_dropped",
)
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
_ERRORS = '{$ARGUS.NODE.NIC.ERRORS.MAX.WARN:"{#NIC}"}'

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
        Trigger(
            "node_nic_errors",
            "Node: NIC {#NIC} has errors",
            (RX_ERRORS, TX_ERRORS),
            f"min(@1,5m)>{_ERRORS} or min(@2,5m)>{_ERRORS}",
            Severity.WARNING,
            "performance",
            "Packets were damaged for 5 minutes: every guest behind the interface sends them again, and is "
            "slow. Cable, optics, duplex or the switch's port; ethtool -S tells which kind of error.",
            recovery=f"max(@1,5m)<={_ERRORS} and max(@2,5m)<={_ERRORS}",
            event_name=f"Node: NIC {{#NIC}} has errors (over {_ERRORS} a second for 5m)",
            opdata="Received: {ITEM.LASTVALUE1}, sent: {ITEM.LASTVALUE2}",
            depends_on=("node_link_lost",),
        ),
    ),
    macros=(
        Macro(
            "ARGUS.NODE.NIC.ERRORS.MAX.WARN",
            "2",
            "Errors per second of a NIC for five minutes; context: its name.",
        ),
        Macro("ARGUS.NODE.NIC.CONTROL", "1", "Whether a NIC must have a link, 1 or 0; context: its name."),
    ),
    graphs=(
        Graph("Node NIC {#NIC}: traffic", (RX_BYTES, TX_BYTES, USED)),
        Graph("Node NIC {#NIC}: packets", (RX_PACKETS, TX_PACKETS)),
        Graph("Node NIC {#NIC}: losses", (RX_ERRORS, TX_ERRORS, RX_DROPS, TX_DROPS)),
    ),
)
