"""One request, and what its failure means: try again, when, and may it have been taken already."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from argus.notify.base import NotifyError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = (5.0, 15.0)  # seconds to connect, and to wait for the answer
LONGEST_WAIT = 3600.0  # a server that says "in a week" is asked in an hour
SHOWN = 200  # characters of an answer in an error
TOO_MANY = 429
AUTH = {401, 403}


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    where: str,
    timeout: tuple[float, float] = TIMEOUT,
) -> None:
    """Send ``body``; return when the server answered 2xx, else raise ``NotifyError``.

    ``where`` names receiver and option for people; the URL itself may be a secret and is never shown.
    Answers 429 and 5xx, and a login that is refused, are tried again: the message must not be lost because a
    key was mistyped.  Any other answer will not get better by itself.  ``timeout`` is in seconds, to connect
    and for the answer.
    """
    _ask("POST", url, headers, where, timeout, body)


def get(url: str, headers: Mapping[str, str], where: str, timeout: tuple[float, float] = TIMEOUT) -> Any:
    """Return the JSON of an answer; raise ``NotifyError`` as ``post`` does."""
    answer = _ask("GET", url, headers, where, timeout)
    try:
        return answer.json()
    except requests.exceptions.JSONDecodeError:
        raise NotifyError(f"{where}: {host(url)} answers no JSON") from None


def _ask(
    method: str,
    url: str,
    headers: Mapping[str, str],
    where: str,
    timeout: tuple[float, float],
    body: bytes | None = None,
) -> requests.Response:
    try:
        answer = requests.request(
            method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        )
    except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError) as exc:
        raise NotifyError(f"{where}: cannot connect to {host(url)}: {type(exc).__name__}") from None
    except requests.exceptions.ConnectionError as exc:
        maybe = "refused" not in str(exc) and "resolve" not in str(exc)
        raise NotifyError(f"{where}: {host(url)} broke off or is not there", maybe_sent=maybe) from None
    except requests.exceptions.Timeout:
        raise NotifyError(f"{where}: {host(url)} does not answer in time", maybe_sent=True) from None
    except requests.exceptions.RequestException as exc:
        raise NotifyError(f"{where}: {type(exc).__name__}", maybe_sent=True) from None
    if answer.status_code // 100 == 2:  # a redirect is not followed: it would become a GET
        return answer
    text = " ".join(answer.text.split())[:SHOWN]
    says = f"{where}: {host(url)} answers {answer.status_code}: {text}"
    code = answer.status_code
    if code in AUTH:
        raise NotifyError(f"{says}: is the key or token right?", code=code)
    if code == TOO_MANY or code >= 500:
        raise NotifyError(says, maybe_sent=code != TOO_MANY, retry_after=_retry_after(answer), code=code)
    raise NotifyError(says, permanent=True, code=code)


def host(url: str) -> str:
    """Return host and port of an URL: its path may hold a token."""
    return urlsplit(url).netloc.rpartition("@")[2] or "?"


def _retry_after(answer: requests.Response) -> float | None:
    """Seconds that the server asks to wait (RFC 9110 10.2.3: a number, or a date)."""
    text = answer.headers.get("Retry-After", "")
    try:
        seconds = float(text) if text.isdigit() else _until(text, answer.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)


def _until(date: str, sent: str) -> float:
    """Seconds between two dates of the server's own clock."""
    return (parsedate_to_datetime(date) - parsedate_to_datetime(sent)).total_seconds()
