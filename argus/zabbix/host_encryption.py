"""The encryption that a host in Zabbix asks of who sends its values: that by which the correlator sends.

https://www.zabbix.com/documentation/6.0/en/manual/api/reference/host/object (``tls_accept``)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from argus.zabbix_encryption import TLS_CERT, TLS_PSK, UNENCRYPTED, Tls
from argus.zabbix_tls import read_psk

if TYPE_CHECKING:
    from collections.abc import Mapping

BITS = {UNENCRYPTED: 1, TLS_PSK: 2, TLS_CERT: 4}  # of tls_accept


def accepts(row: Mapping[str, Any], tls: Tls) -> bool:
    """Tell whether the host of a row with ``tls_accept`` takes what is sent so, perhaps among others."""
    return bool(int(row["tls_accept"]) & BITS[tls.connect])


def fields(tls: Tls) -> dict[str, Any]:
    """Return what ``host.create`` and ``host.update`` want, for nothing else to be taken.

    Raises ``ConfigError`` when the key cannot be read.
    """
    found: dict[str, Any] = {"tls_accept": BITS[tls.connect]}
    if tls.connect == TLS_PSK:
        found |= {"tls_psk_identity": tls.psk_identity, "tls_psk": read_psk(tls.psk_file).hex()}
    return found
