"""Mail over SMTP: text and simple HTML, threaded by incident, the same bytes at each attempt."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from argus.notify.base import Kind, Notification, NotifyError
from argus.notify.deadline import Deadline, connected
from argus.notify.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

PERMANENT = 500  # RFC 5321 4.2.1: 5yz, the command must not be repeated
MAX_SUBJECT = 200  # long before RFC 5322's 998; a phone shows fewer
STEPS = 2  # times the wait for one answer: seconds for a whole mail
GOODBYE = 2.0  # seconds for a server to take its leave: the mail has been decided on by then
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class _Client(smtplib.SMTP):
    """A client whose every step is within one deadline; ``context`` encrypts from the first byte."""

    def __init__(
        self, host: str, port: int, step: float, deadline: Deadline, context: ssl.SSLContext | None
    ) -> None:
        self._deadline, self._context = deadline, context
        self.handed = False  # the mail itself: what is said before it leaves nothing behind
        super().__init__(host, port, local_hostname=_own_name(), timeout=step)

    def data(self, msg: Any) -> tuple[int, bytes]:
        """See ``SMTP``."""
        self.handed = True
        return super().data(msg)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What ``SMTP_SSL`` overrides too."""
        self._deadline.watch(self)
        sock = connected(host, port, self._deadline, timeout)
        if self._context is not None:
            sock.settimeout(min(timeout, self._deadline.left))
            sock = self._context.wrap_socket(sock, server_hostname=host)
        sock.settimeout(min(timeout, self._deadline.left))
        return sock


@dataclass(frozen=True, slots=True)
class Email:
    """An SMTP server and the people behind it.  ``timeout`` is in seconds and counts for each step."""

    host: str
    port: int
    tls: str
    sender: str
    timeout: float
    username: str = ""
    password: str = field(default="", repr=False)
    zabbix_url: str = ""

    @property
    def total(self) -> float:
        """Seconds after which a mail that was not accepted yet is broken off, whatever the server says."""
        return STEPS * self.timeout

    def send(self, notification: Notification, address: str) -> None:
        """Hand one mail to the server; raise ``NotifyError`` unless it was accepted."""
        message = compose(notification, self.sender, address, self.zabbix_url)
        where = f"{self.host}:{self.port}"
        with Deadline(self.total) as deadline:
            client = self._open(deadline)
            try:
                client.sendmail(self.sender, [address], message.as_bytes())
            except smtplib.SMTPRecipientsRefused as exc:
                code, text = exc.recipients[address]
                raise NotifyError(
                    f"{where} refuses {address}: {code} {_text(text)}", permanent=code >= PERMANENT
                ) from exc
            except smtplib.SMTPResponseException as exc:
                permanent = exc.smtp_code >= PERMANENT
                raise NotifyError(f"{where} refuses the mail: {_one_line(exc)}", permanent=permanent) from exc
            except (OSError, smtplib.SMTPException) as exc:
                why = f"no end within {self.total:g} s" if deadline.over else _one_line(exc)
                raise NotifyError(f"{where} broke off: {why}", maybe_sent=client.handed, server=True) from exc
            finally:
                _quit(client)

    def probe(self) -> None:
        """See ``Probed``: connect, log in, and go."""
        with Deadline(self.total) as deadline:
            _quit(self._open(deadline))

    def _open(self, deadline: Deadline) -> _Client:
        where = f"{self.host}:{self.port}"
        try:
            return self._connect(deadline)
        except smtplib.SMTPAuthenticationError as exc:
            raise NotifyError(
                f"{where} refuses the login ({exc.smtp_code}): see [smtp] username", server=True
            ) from exc
        except (OSError, smtplib.SMTPException) as exc:
            why = f"timed out: no end within {self.total:g} s" if deadline.over else _one_line(exc)
            raise NotifyError(f"{where}: {why}: see [smtp] host, port and tls", server=True) from exc

    def _connect(self, deadline: Deadline) -> _Client:
        context = ssl.create_default_context()
        first = context if self.tls == "tls" else None
        client = _Client(self.host, self.port, self.timeout, deadline, first)
        try:
            if self.tls == "starttls":
                client.starttls(context=context)
            if self.username:
                client.login(self.username, self.password)
        except BaseException:
            client.close()
            raise
        return client


def from_config(conf: Any) -> Email:
    """Make the receiver of ``[smtp]``."""
    from argus.config import secret  # noqa: PLC0415  # notify is usable without the daemons' options

    smtp = conf.smtp
    password = secret(conf, "smtp", "password_file") if smtp.username else ""
    return Email(
        smtp.host,
        smtp.port,
        smtp.tls,
        smtp.sender,
        smtp.timeout,
        smtp.username,
        password,
        conf.zabbix.url,
    )


def compose(notification: Notification, sender: str, address: str, zabbix_url: str = "") -> EmailMessage:
    """Write the mail.  Nothing in it depends on when or where it is written, so that a retry is identical."""
    domain = sender.rpartition("@")[2]
    opening = f"<{notification.uid}.open@{domain}>"
    ended = notification.resolved_at if notification.kind == Kind.RESOLVE.value else None
    at = notification.at or ended or notification.opened_at
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Argus <{sender}>"
    message["To"] = address
    message["Subject"] = _subject(notification)
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["Message-ID"] = f"<{notification.key}@{domain}>"
    if notification.kind not in {Kind.OPEN.value, Kind.DIGEST.value}:
        message["In-Reply-To"] = opening
        message["References"] = opening
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    message["X-Argus-Incident"] = str(notification.incident_id)
    message["X-Argus-Rule"] = notification.rule
    sections = tuple(_sections(notification, zabbix_url))
    message.set_content(_as_text(notification, sections), cte="quoted-printable")
    message.add_alternative(_as_html(notification, sections), subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{notification.key}")  # the default one is random
    return message


def _subject(notification: Notification) -> str:
    line = notification.headline or (
        f"[Argus] {notification.head} {notification.subject}: {notification.title}"
    )
    return CONTROL.sub(" ", line)[:MAX_SUBJECT]


def _sections(notification: Notification, zabbix_url: str) -> Iterator[tuple[str, str]]:
    """Yield heading and text of each part of the body."""
    when = [f"noticed {_time(notification.since)}", f"opened {_time(notification.opened_at)}"]
    if notification.resolved_at is not None:
        lasted = notification.resolved_at - notification.opened_at
        when.append(f"resolved {_time(notification.resolved_at)}, after {duration(lasted)}")
    yield "Since", "\n".join(when)
    yield "Evidence", "\n".join(f"{name}: {value}" for name, value in notification.evidence.items())
    if notification.kind == Kind.RESOLVE.value:
        yield "Why it counts as resolved", notification.reason
    else:
        yield "What it means, and what to do", notification.runbook
    look = [f"argus explain {notification.incident_id}"]
    if zabbix_url:
        look.append(f"{zabbix_url.rstrip('/')}/zabbix.php?action=problem.view")
    yield "How to look", "\n".join(look)


def _as_text(notification: Notification, sections: tuple[tuple[str, str], ...]) -> str:
    parts = [f"{heading}:\n{text}" for heading, text in sections if text]
    head = f"Incident {notification.incident_id}, severity {notification.severity}, rule {notification.rule}"
    return "\n\n".join([f"{notification.summary}\n{head}", *parts]) + "\n"


def _as_html(notification: Notification, sections: tuple[tuple[str, str], ...]) -> str:
    colour = "#2e7d32" if notification.kind == Kind.RESOLVE.value else "#c62828"
    parts = "".join(
        f'<h4 style="margin:1em 0 .2em">{escape(heading)}</h4>'
        f'<div style="white-space:pre-wrap">{escape(text)}</div>'
        for heading, text in sections
        if text
    )
    return (
        '<html><body style="font-family:sans-serif">'
        f'<h3 style="border-left:6px solid {colour};padding-left:.5em">{escape(notification.summary)}</h3>'
        f"<p>Incident {notification.incident_id}, severity {escape(notification.severity)}, "
        f"rule <code>{escape(notification.rule)}</code></p>{parts}</body></html>\n"
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _one_line(exc: Exception) -> str:
    if isinstance(exc, smtplib.SMTPResponseException):
        return f"{exc.smtp_code} {_text(exc.smtp_error)}"
    return " ".join(str(exc).split()) or type(exc).__name__


def _text(answer: bytes | str) -> str:
    return " ".join((answer.decode(errors="replace") if isinstance(answer, bytes) else answer).split())


def _quit(client: smtplib.SMTP) -> None:
    """Say goodbye; the mail has been decided on already, so how that ends does not matter."""
    with Deadline(GOODBYE) as deadline:
        deadline.watch(client)
        try:
            client.quit()
        except (OSError, smtplib.SMTPException):
            client.close()


@cache
def _own_name() -> str:
    """What this host says at HELO; asks the name service, so once a process."""
    return socket.getfqdn()
