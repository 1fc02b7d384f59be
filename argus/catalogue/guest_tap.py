"""The tap devices of a guest on the node: packets that were lost between the node and the guest.

A tap that is full drops what the guest does not fetch in time: its vCPUs or its vhost thread are too slow.
Host's and guest's directions are opposite; names here say "to" and "from" the guest.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import NIC, Kind, Metric, Subsystem

_tap = partial(Metric, "tap", entity=NIC)
_count = partial(_tap, kind=Kind.COUNTER)
_NET = "/sys/class/net/TAP/"

TO_GUEST_DROPS = _count(
    "to_guest_drops",
    "Packets to the guest that were dropped since its queue was full: the guest is too slow to take them.",
    _NET + "statistics/tx_dropped",
)
FROM_GUEST_DROPS = _count(
    "from_guest_drops",
    "Packets from the guest that the node dropped: it is too busy to take them.",
    _NET + "statistics/rx_dropped",
)
QUEUE = _tap(
    "queue_length",
    "Packets that fit into the tap's queue. A longer one (ip link set txqueuelen) drops fewer in bursts.",
    _NET + "tx_queue_len",
    shown=False,
)
FILES = {
    "statistics/tx_dropped": TO_GUEST_DROPS,
    "statistics/rx_dropped": FROM_GUEST_DROPS,
    "tx_queue_len": QUEUE,
}

SUBSYSTEM = Subsystem(
    "guest_tap",
    "Tap devices",
    tuple(FILES.values()),
)
