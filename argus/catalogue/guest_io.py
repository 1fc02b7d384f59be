"""What a guest's QEMU did to the node's block devices, as the node's kernel accounts it.

Version 2: io.stat; version 1: blkio.throttle.io_service_bytes and io_serviced, which the kernel leaves at
zero for a cgroup without any limit, so zeros of version 1 are "not accounted" rather than "no I/O".
https://docs.kernel.org/admin-guide/cgroup-v2.html#io-interface-files
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import GUEST_DEVICE, Kind, Metric, Subsystem, Unit

_io = partial(Metric, "io", entity=GUEST_DEVICE, kind=Kind.COUNTER, shown=False)

READ_BYTES = _io(
    "read_bytes",
    "Bytes read from the device by this guest: who keeps it busy.",
    "io.stat rbytes; blkio Read",
    unit=Unit.BYTES,
)
WRITE_BYTES = _io(
    "write_bytes",
    "Bytes written to the device by this guest: who keeps it busy.",
    "io.stat wbytes; blkio Write",
    unit=Unit.BYTES,
)
READ_OPS = _io(
    "read_ops",
    "Reads from the device by this guest: who keeps it busy.",
    "io.stat rios; blkio io_serviced Read",
)
WRITE_OPS = _io(
    "write_ops",
    "Writes to the device by this guest: who keeps it busy.",
    "io.stat wios; blkio io_serviced Write",
)

SUBSYSTEM = Subsystem(
    "guest_io", "The guest's I/O on the node's devices", (READ_BYTES, WRITE_BYTES, READ_OPS, WRITE_OPS)
)
