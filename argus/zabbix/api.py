"""The Zabbix API (JSON-RPC) for the rest of Argus: sessions, clear errors, what differs from 6.0 to 7.x."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import requests
from packaging.version import Version  # pyzabbix compares with it
from pyzabbix.api import ZabbixAPI, ZabbixAPIException

from argus.errors import ArgusError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)
# At debug level pyzabbix logs whole requests, passwords and tokens included.
logging.getLogger("pyzabbix").setLevel(logging.WARNING)

OLDEST = (6, 0)
NEWEST = (7, 4)
PAGE = 1000  # objects asked for at once where a list may be long

_PAUSES = (0.5, 1.5)  # seconds before the second and the third try of a read
_TRY_AGAIN = frozenset({502, 503, 504})
_TOO_OLD_SESSION = ("session terminated", "not authori", "token expired", "re-login")
_SQL = "sql statement execution has failed"
_NOT_ALLOWED = ("no permissions to call", "no permissions to referred", "you do not have permission")


class ZabbixError(ArgusError):
    """The API did not do what was asked; the message is one line for a person and names the address."""


class ZabbixUnreachableError(ZabbixError):
    """There was no answer, or none that came from a Zabbix API."""


class ZabbixClashError(ZabbixError):
    """Zabbix' database broke a change off, all of it: the server, mostly, wrote the same rows."""


class ZabbixDeniedError(ZabbixError):
    """The credentials are not allowed to do this."""


class ZabbixSessionError(ZabbixDeniedError):
    """The credentials themselves are missing or were refused."""


class Zabbix:
    """A session with one Zabbix frontend.

    Every request has a timeout in seconds; reads are tried three times, writes once.  Any failure is a
    ``ZabbixError``.  Make one with ``login``, ``with_token`` or ``with_token_file`` and close it.
    """

    def __init__(self, url: str, timeout: float = 10.0, pauses: tuple[float, ...] = _PAUSES) -> None:
        """Take the address of the frontend, without ``/api_jsonrpc.php``; nothing is sent yet."""
        self.url = url.rstrip("/").removesuffix("/api_jsonrpc.php")
        self.version = (0, 0)
        self._pauses = pauses
        self._session = requests.Session()
        self._session.auth = _keep_headers
        self._timeout = timeout
        self._client = ZabbixAPI(self.url, session=self._session, timeout=timeout, detect_version=False)
        self._who = "nobody"
        self._renew = "renew it with `argus zabbix apply`"
        self._logged_in = False

    @classmethod
    def login(cls, url: str, user: str, password: str, **options: Any) -> Self:
        """Open a session by name and password (``user.login``)."""
        zabbix = cls(url, **options)
        zabbix._who = f"user {user}"
        zabbix._detect_version()
        zabbix._client.auth = zabbix.call("user.login", username=user, password=password)
        zabbix._logged_in = True
        return zabbix

    @classmethod
    def with_token(
        cls, url: str, token: str, who: str = "the API token", renew: str = "", **options: Any
    ) -> Self:
        """Open a session by API token; a bad one shows at the first call, with how to ``renew`` it."""
        zabbix = cls(url, **options)
        zabbix._who, zabbix._renew = who, renew or zabbix._renew
        zabbix._detect_version()
        zabbix._client.auth = token
        return zabbix

    @classmethod
    def with_token_file(cls, url: str, path: Path, **options: Any) -> Self:
        """Open a session by the token that ``argus zabbix apply`` wrote to ``path``."""
        try:
            token = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise ZabbixSessionError(
                f"cannot read the Zabbix token in {path} ([zabbix] token_file): {_file_trouble(exc)}; "
                "`argus zabbix apply` writes it"
            ) from exc
        if not token:
            raise ZabbixSessionError(
                f"{path} ([zabbix] token_file) is empty; run `argus zabbix apply` to write a new token"
            )
        return cls.with_token(url, token, f"the token in {path}", **options)

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the session, whatever happened inside."""
        self.close()

    def close(self) -> None:
        """End the session at the server, as far as it can be reached, and the connection."""
        if self._logged_in:
            self._logged_in = False
            try:
                self.call("user.logout")
            except ZabbixError as exc:
                log.debug("logout: %s", exc)
        self._session.close()

    def call(self, method: str, /, *args: Any, **params: Any) -> Any:
        """Call ``method`` once, with one list argument or keyword parameters; returns its result."""
        try:
            return self._client.do_request(method, list(args) if args else params)["result"]
        except ZabbixAPIException as exc:
            raise self._api_error(method, exc) from exc
        except requests.RequestException as exc:
            raise self._transport_error(exc) from exc

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Wait so long for each answer, at least, to what is called inside."""
        self._client.timeout = max(seconds, self._timeout)
        try:
            yield
        finally:
            self._client.timeout = self._timeout

    def read(self, method: str, /, **params: Any) -> Any:
        """Call a method that changes nothing; tries again when there was no answer."""
        for pause in self._pauses:
            try:
                return self.call(method, **params)
            except ZabbixUnreachableError as exc:
                log.debug("%s: trying again in %s s: %s", method, pause, exc)
                time.sleep(pause)
        return self.call(method, **params)

    def read_pages(self, method: str, key: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Read a long list a page at a time.

        Asks for all ids first, then for the objects of ``PAGE`` ids at a time, so that objects which come
        or go meanwhile neither repeat nor push others out of a page.
        """
        filters = {name: value for name, value in params.items() if not name.startswith("select")}
        ids = [row[key] for row in self.read(method, **{**filters, "output": [key]})]
        for start in range(0, len(ids), PAGE):
            yield from self.read(method, **{**params, f"{key}s": ids[start : start + PAGE]})

    @property
    def select_host_groups(self) -> str:
        """The parameter of ``host.get`` and ``trigger.get`` that adds host groups."""
        return "selectHostGroups" if self.has_template_groups else "selectGroups"

    @property
    def has_template_groups(self) -> bool:
        """Whether groups of templates are objects of their own (since 6.2)."""
        return self.version >= (6, 2)

    @property
    def template_group_object(self) -> str:
        """The API object that a group of templates is."""
        return "templategroup" if self.has_template_groups else "hostgroup"

    @property
    def grid_columns(self) -> int:
        """Columns of a dashboard's grid."""
        return 72 if self.version >= (7, 0) else 24

    def _detect_version(self) -> None:
        text = str(self.read("apiinfo.version"))
        major, minor = text.split(".")[:2]
        self.version = (int(major), int(minor))
        if not OLDEST <= self.version <= NEWEST:
            raise ZabbixError(
                f"{self.url} is Zabbix {text}; Argus works with "
                f"{OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}: use another server or another Argus"
            )
        # pyzabbix decides by this where the token goes: a header since 6.4, the body before.
        self._client.version = Version(text)

    def _api_error(self, method: str, exc: ZabbixAPIException) -> ZabbixError:
        error = exc.error or {}
        detail = " ".join(str(error.get("data") or error.get("message") or exc).split()).rstrip(".")
        lower = detail.lower()
        if _SQL in lower:  # and then the statement, which may be pages long
            return ZabbixClashError(
                f"{self.url}: {method} failed: Zabbix' database broke it off, as it does when the server "
                "changes the same rows meanwhile: run this again; the log of the database says more"
            )
        if not error:  # pyzabbix says so when the answer is empty or no JSON
            return ZabbixUnreachableError(
                f"{self.url} answers, but not as a Zabbix API; [zabbix] url is the address of the frontend"
            )
        if method == "user.login":
            return ZabbixSessionError(f"{self.url} refuses {self._who}: {detail}")
        if any(text in lower for text in _TOO_OLD_SESSION):
            return ZabbixSessionError(f"{self.url} refuses {self._who}: {detail}; {self._renew}")
        if any(text in lower for text in _NOT_ALLOWED):
            return ZabbixDeniedError(f"{self.url}: {self._who} may not call {method}: {detail}")
        return ZabbixError(f"{self.url}: {method} failed: {detail}")

    def _transport_error(self, exc: requests.RequestException) -> ZabbixError:
        if isinstance(exc, requests.HTTPError) and exc.response is not None:
            status = exc.response.status_code
            hint = (
                "is it overloaded or being restarted?"
                if status in _TRY_AGAIN
                else "[zabbix] url is the address of the frontend, without /api_jsonrpc.php"
            )
            return ZabbixUnreachableError(f"{self.url} answers HTTP {status}; {hint}")
        return ZabbixUnreachableError(
            f"cannot reach Zabbix at {self.url}: {_why(exc)}; "
            "is its web server running, is [zabbix] url right?"
        )


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for ~/.netrc, which would replace the token's Authorization header."""
    return request


def _why(exc: requests.RequestException) -> str:
    if isinstance(exc, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(exc, requests.Timeout):
        return "no answer in time"
    if isinstance(exc, ValueError):  # InvalidURL, InvalidSchema, MissingSchema
        return "that is not an address; write it as http://host:port"
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
    return str(exc).splitlines()[0]


def _file_trouble(exc: OSError | UnicodeDecodeError) -> str:
    return (exc.strerror or str(exc)).lower() if isinstance(exc, OSError) else "it is not plain text"
