"""The options of ``[zabbix]`` in argus.conf, and how the correlator's own values are encrypted by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from argus.errors import ConfigError
from argus.zabbix_encryption import TLS_CERT, TLS_PSK, UNENCRYPTED, Tls, of_options

if TYPE_CHECKING:
    from argus.zabbix_tls import Secure

ZABBIX_OPTIONS = [
    cfg.URIOpt(
        "url",
        default="http://127.0.0.1:8080",
        schemes=["http", "https"],
        help="Zabbix' web frontend, without /api_jsonrpc.php. Links in mails begin with it too.",
    ),
    cfg.StrOpt(
        "token_file",
        default="/var/lib/argus/zabbix-token",
        help="File that holds the API token of the correlator, nothing else; mode 0600. "
        "argus zabbix apply writes it.",
    ),
    cfg.FloatOpt(
        "timeout",
        default=10.0,
        min=0.1,
        max=120,
        help="Seconds to wait for each answer of the API. A cycle that waits this long opens and resolves "
        "nothing meanwhile.",
    ),
    cfg.ListOpt(
        "servers",
        default=[],
        help="HOST:PORT of the trapper of Zabbix servers or proxies, tried in order: where the correlator "
        "sends values about itself (host argus-correlator). Empty: it sends none, and Zabbix cannot tell "
        "when it falls silent.",
    ),
    cfg.ListOpt(
        "fallback_recipients",
        default=[],
        help="Mail addresses that Zabbix itself tells when the correlator falls silent or its messages are "
        "not accepted: argus zabbix apply makes a media type and an action for that, with the server of "
        "[smtp] (change it in Zabbix where that one reaches another: it stays so). Empty: those of [smtp] "
        "recipients.",
    ),
    cfg.StrOpt(
        "tls_connect",
        default=UNENCRYPTED,
        choices=[
            (UNENCRYPTED, "nothing is hidden"),
            (TLS_PSK, "by a pre-shared key; best one of its own, not that of autoregistration"),
            (TLS_CERT, "by certificates"),
        ],
        help="How [zabbix] servers are sent to, as TLSConnect of zabbix_agentd.conf. The hosts that the "
        "correlator feeds take values accordingly: argus zabbix apply sees to it.",
    ),
    cfg.StrOpt("tls_psk_identity", default="", help="As TLSPSKIdentity."),
    cfg.StrOpt("tls_psk_file", default="", help="As TLSPSKFile: the key, 32 to 512 hexadecimal digits."),
    cfg.StrOpt("tls_ca_file", default="", help="As TLSCAFile: the authority of the server's certificate."),
    cfg.StrOpt("tls_cert_file", default="", help="As TLSCertFile: the correlator's certificate."),
    cfg.StrOpt("tls_key_file", default="", help="As TLSKeyFile: its key, without a password."),
]


def encryption(conf: Any) -> Tls:
    """Return how trappers are sent to.  Raises ``ConfigError`` that names a missing option."""
    try:
        return of_options(conf.zabbix)
    except ValueError as exc:
        raise ConfigError(str(exc)) from None


def secure(tls: Tls) -> Secure | None:
    """Return what encrypts connections, ``None`` for nothing.  Raises ``ConfigError`` that names the file."""
    if tls.connect == UNENCRYPTED:
        return None
    from argus.zabbix_tls import make_secure  # noqa: PLC0415  # Python 3.11 wants an extra for PSK

    return make_secure(tls)
