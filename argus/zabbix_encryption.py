"""How connections to Zabbix' trapper are encrypted, as both the agent and the correlator are told.

Words and files only: what makes the connection is ``argus.zabbix_tls``, which loads Python's ssl.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNENCRYPTED, TLS_PSK, TLS_CERT = "unencrypted", "psk", "cert"
_NEEDS = {
    UNENCRYPTED: (),
    TLS_PSK: ("psk_identity", "psk_file"),
    TLS_CERT: ("ca_file", "cert_file", "key_file"),
}


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections to Zabbix are encrypted, in the words of zabbix_agentd.conf without ``TLS``."""

    connect: str = UNENCRYPTED
    psk_identity: str = ""
    psk_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def of_options(given: Mapping[str, object]) -> Tls:
    """Make it of the options ``tls_*`` of ``[zabbix]``.  Raises ``ValueError`` that names what is missing."""
    words = {name: str(given[f"tls_{name}"] or "").strip() for name in Tls.__slots__}
    connect = words["connect"]
    missing = [f"tls_{name}" for name in _NEEDS[connect] if not words[name]]
    if missing:
        raise ValueError(f"[zabbix] tls_connect = {connect} needs {' and '.join(missing)}")
    files = {name: Path(text) for name, text in words.items() if name.endswith("_file") and text}
    return Tls(connect=connect, psk_identity=words["psk_identity"], **files)
