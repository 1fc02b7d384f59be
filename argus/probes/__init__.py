"""Is the cloud well, seen from outside: probes of services and of what they stand on.

A kind of check is one module and one line here; a service of OpenStack is one module and one line in
``argus.probes.openstack``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from argus.probes.ceph import Ceph
from argus.probes.dns import Dns
from argus.probes.haproxy import Haproxy
from argus.probes.http import Http
from argus.probes.keepalived import Keepalived
from argus.probes.memcached import Memcached
from argus.probes.mysql import Mysql
from argus.probes.ntp import Ntp
from argus.probes.rabbitmq import Rabbitmq
from argus.probes.swift_recon import SwiftRecon
from argus.probes.tcp import Tcp
from argus.probes.tls import Tls

if TYPE_CHECKING:
    from argus.probes.outcome import Outcome
    from argus.probes.wire import Deadline


class Probe(Protocol):
    """A check that ``services.yaml`` asks for: a dataclass whose fields are its options."""

    def run(self, deadline: Deadline) -> Outcome:
        """Look once.  Raises ``ProbeError``, ``DeniedError`` or ``BlindError`` (see ``rounds.attempt``)."""


KINDS: dict[str, type[Probe]] = {
    "ceph": Ceph,
    "dns": Dns,
    "haproxy": Haproxy,
    "http": Http,
    "keepalived": Keepalived,
    "memcached": Memcached,
    "mysql": Mysql,
    "ntp": Ntp,
    "rabbitmq": Rabbitmq,
    "swift_recon": SwiftRecon,
    "tcp": Tcp,
    "tls": Tls,
}
