"""Make Swift's rings of one device and one replica, in one process: its own command takes nine.

swift_rings.py DIRECTORY KIND:PORT...
"""

from __future__ import annotations

import sys
from pathlib import Path

from swift.common.ring import RingBuilder

DIRECTORY = Path(sys.argv[1])
PART_POWER, REPLICAS, MIN_PART_HOURS = 4, 1, 0
HOST = "127.0.0.1"

for word in sys.argv[2:]:
    kind, _, port = word.partition(":")
    address = {"ip": HOST, "port": int(port), "replication_ip": HOST, "replication_port": int(port)}
    builder = RingBuilder(PART_POWER, REPLICAS, MIN_PART_HOURS)
    builder.add_dev({"region": 1, "zone": 1, "weight": 1.0, "device": "d1", "meta": "", **address})
    builder.rebalance()
    builder.get_ring().save(str(DIRECTORY / f"{kind}.ring.gz"))
