"""Network interfaces of a guest, in the guest's direction: received is what the guest received.

libvirt turns a tap's counters round for the guest (virNetDevTapInterfaceStats): measured with libvirt 9.0 on
taps of type bridge and ethernet, and watched by a test on the lab.
A series is named by the MAC address: the host's device name changes with every migration.
Interfaces without a host device (user networking, vhost-user of some switches) have no counters.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue import guest_tap
from argus.catalogue.model import NIC, Graph, Kind, Metric, Subsystem, Unit

_nic = partial(Metric, "nic", entity=NIC, kind=Kind.COUNTER)
_NET = "virConnectGetAllDomainStats net.N."

RX_BYTES = _nic(
    "rx_bytes",
    "Bytes the guest received. Compare them with the limit of its port (QoS) and the node's NIC.",
    _NET + "rx.bytes",
    unit=Unit.BYTES,
)
TX_BYTES = _nic(
    "tx_bytes",
    "Bytes the guest sent. Compare them with the limit of its port (QoS) and the node's NIC.",
    _NET + "tx.bytes",
    unit=Unit.BYTES,
)
RX_PACKETS = _nic(
    "rx_packets",
    "Packets the guest received. One vhost thread moves some hundred thousand a second at most.",
    _NET + "rx.pkts",
)
TX_PACKETS = _nic(
    "tx_packets",
    "Packets the guest sent. One vhost thread moves some hundred thousand a second at most.",
    _NET + "tx.pkts",
)
RX_ERRORS = _nic(
    "rx_errors",
    "Packets to the guest that had errors: look at the bridge or switch that it is plugged into.",
    _NET + "rx.errs",
    shown=False,
)
TX_ERRORS = _nic(
    "tx_errors",
    "Packets from the guest that had errors: look at the driver in the guest.",
    _NET + "tx.errs",
    shown=False,
)
RX_DROPS = _nic(
    "rx_drops",
    "Packets to the guest that were dropped: it does not fetch them fast enough (CPU steal, vhost at its "
    "limit).",
    _NET + "rx.drop",
)
TX_DROPS = _nic(
    "tx_drops",
    "Packets from the guest that the host dropped: a limit of its port, or a node that is too busy.",
    _NET + "tx.drop",
)
DEVICE = Metric(
    "nic",
    "device",
    "Device on the node, for tcpdump and ip link; it is another one after a migration.",
    _NET + "name",
    NIC,
    Kind.INFO,
)
SOURCE = Metric(
    "nic",
    "source",
    "Bridge or network that it is plugged into: where to look when packets get lost.",
    "domain XML, interface/source",
    NIC,
    Kind.INFO,
)

SUBSYSTEM = Subsystem(
    "guest_nic",
    "Network",
    (RX_BYTES, TX_BYTES, RX_PACKETS, TX_PACKETS, RX_ERRORS, TX_ERRORS, RX_DROPS, TX_DROPS, DEVICE, SOURCE),
    graphs=(
        Graph("Network traffic", (RX_BYTES, TX_BYTES)),
        Graph("Network packets", (RX_PACKETS, TX_PACKETS)),
        # The tap counts what the node sees; a guest on user networking has none.
        Graph("Network drops", (RX_DROPS, TX_DROPS, guest_tap.TO_GUEST_DROPS, guest_tap.FROM_GUEST_DROPS)),
    ),
)
