"""TLS to Zabbix in Zabbix' own words: by certificates, or by a pre-shared key (PSK).

Imported only where it is asked for: Python's ssl and OpenSSL take some 3 MB.
https://www.zabbix.com/documentation/6.0/en/manual/encryption
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Protocol

from argus.errors import ConfigError
from argus.zabbix_encryption import TLS_PSK

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from argus.zabbix_encryption import Tls

# What Zabbix' own programs offer; its servers of Debian (GnuTLS) speak PSK in TLS 1.2 only.
PSK_CIPHERS = (
    "ECDHE-PSK-AES128-CBC-SHA256:ECDHE-PSK-AES128-CBC-SHA:PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256"
)
PSK_DIGITS = (32, 512)  # of a key, at least and at most: 16 to 256 bytes
LONGEST_IDENTITY = 128  # bytes
_LOOK = (
    "the server must accept what [zabbix] tls_connect says, with this PSK identity and key (Administration, "
    "General, Autoregistration) or this certificate's authority"
)


class Secure(Protocol):
    """Puts TLS over a connected socket."""

    def __call__(self, plain: socket.socket) -> socket.socket:
        """Shake hands and return the encrypted socket; the plain one is its own.  Raises ``OSError``."""


def make_secure(tls: Tls) -> Secure:
    """Return what encrypts connections as configured.

    Raises ``ConfigError`` that names the option when a file cannot be used, or this Python knows no PSK.
    """
    return _by_psk(tls) if tls.connect == TLS_PSK else _by_certificate(tls)


def explain(error: Exception) -> str:
    """Say what a failed exchange over TLS probably means and where to look, in one line."""
    if isinstance(error, ConnectionError):  # how Zabbix refuses a certificate after TLS 1.3's handshake
        return f"TLS failed ({error}): {_LOOK}"
    if not isinstance(error, ssl.SSLError):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate is refused ({error.verify_message}): [zabbix] tls_ca_file must hold "
            "the authority that signed it"
        )
    reason = (error.reason or str(error)).lower().replace("_", " ")
    return f"TLS failed ({reason}): {_LOOK}"


def _by_certificate(tls: Tls) -> Secure:
    """Verify the chain and not the name, as Zabbix does: its certificates need not carry addresses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(tls.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"[zabbix] tls_ca_file = {tls.ca_file}: {_trouble(error)}") from error
    try:
        context.load_cert_chain(str(tls.cert_file), tls.key_file, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"[zabbix] tls_cert_file = {tls.cert_file}, tls_key_file = {tls.key_file}: {_trouble(error)}"
        ) from error

    def secure(plain: socket.socket) -> socket.socket:
        return context.wrap_socket(plain)

    return secure


def _by_psk(tls: Tls) -> Secure:
    key, identity = read_psk(tls.psk_file), tls.psk_identity
    if len(identity.encode()) > LONGEST_IDENTITY:
        raise ConfigError(f"[zabbix] tls_psk_identity: more than {LONGEST_IDENTITY} bytes")
    context = _psk_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the key is what proves who the other is
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(PSK_CIPHERS)
    context.set_psk_client_callback(lambda _hint: (identity, key))

    def secure(plain: socket.socket) -> socket.socket:
        wrapped: socket.socket = context.wrap_socket(plain)
        return wrapped

    return secure


def _psk_context() -> Any:
    """A context of Python 3.13, or of the extra that gives older ones the same method."""
    if hasattr(ssl.SSLContext, "set_psk_client_callback"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        import sslpsk3  # noqa: PLC0415 -- an extra, which Python 3.13 does without
    except ImportError as error:
        raise ConfigError(
            "[zabbix] tls_connect = psk: Python before 3.13 needs a library for it: "
            "pip install 'argus[psk]', or use certificates"
        ) from error
    return sslpsk3.SSLPSKContext(ssl.PROTOCOL_TLS_CLIENT)


def read_psk(path: Path | None) -> bytes:
    """Return the key in a file, hexadecimal digits as in Zabbix.  Raises ``ConfigError``."""
    where = f"[zabbix] tls_psk_file = {path}"
    try:
        text = path.read_text(encoding="ascii").strip() if path else ""
    except OSError as error:
        raise ConfigError(f"{where}: {_trouble(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: expected hexadecimal digits") from error
    least, most = PSK_DIGITS
    if not least <= len(text) <= most:
        raise ConfigError(f"{where}: expected {least} to {most} hexadecimal digits, found {len(text)}")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise ConfigError(f"{where}: expected hexadecimal digits, an even number of them") from error


def _no_password() -> str:
    raise ValueError("the key has a password, which a daemon cannot type: use one without")


def _trouble(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not usable as PEM ({(error.reason or str(error)).lower().replace('_', ' ')})"
    return (getattr(error, "strerror", None) or str(error)).lower()
