"""The correlator's API token: made when the token file holds none that works, and kept private."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from argus.zabbix.api import Zabbix, ZabbixDeniedError, ZabbixError, ZabbixSessionError
from argus.zabbix.changes import CREATE, UPDATE, Change
from argus.zabbix.desired import USER
from argus.zabbix.groups import need

if TYPE_CHECKING:
    from collections.abc import Mapping


class Token:
    """A token of the correlator's user, in ``path`` with mode 0600.

    Its name carries this machine's: a second correlator host gets a token of its own, and making
    one never takes away another's.
    """

    title = "API token"

    def __init__(self, path: Path, timeout: float) -> None:
        """Take where the token is written, and the timeout in seconds of the call that tries it."""
        self._path = path
        self._timeout = timeout
        self._name = f"argus on {socket.gethostname()}"

    def plan(self, zabbix: Zabbix) -> list[Change]:
        """Try the token in the file; plan a new one when it is missing or refused."""
        trouble = self._trouble(zabbix.url)
        if not trouble:
            return []
        verb = UPDATE if self._path.exists() else CREATE
        return [Change(verb, "API token", str(self._path), (trouble,), lambda: self._renew(zabbix))]

    def _trouble(self, url: str) -> str:
        try:
            with Zabbix.with_token_file(url, self._path, timeout=self._timeout) as session:
                session.read("host.get", countOutput=True)
        except ZabbixSessionError as exc:
            return str(exc)
        except ZabbixDeniedError:
            return ""  # the token was recognised; what it may do is the role's affair
        if self._path.stat().st_mode & 0o077:
            return f"{self._path} can be read by others than its owner"
        return ""

    def _renew(self, zabbix: Zabbix) -> None:
        refuse_unwritable(self._path)
        found = zabbix.read("user.get", output=["userid", "username"], filter={"username": [USER]})
        userid = need("user", _ids(found), USER)
        existing = zabbix.read("token.get", output=["tokenid"], filter={"name": self._name}, userids=[userid])
        if existing:
            tokenid = existing[0]["tokenid"]
            zabbix.call("token.update", tokenid=tokenid, status=0, expires_at=0)
        else:
            tokenid = zabbix.call("token.create", name=self._name, userid=userid)["tokenids"][0]
        generated = zabbix.call("token.generate", tokenid)
        write_private(self._path, generated[0]["token"] + "\n")


def _ids(users: list[Mapping[str, str]]) -> dict[str, str]:
    return {user["username"]: user["userid"] for user in users}


def refuse_unwritable(path: Path) -> None:
    """Find out before anything is made that nobody could keep: a token, and what is written beside it."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ZabbixError(
            f"cannot write {path} ([zabbix] token_file): {path.parent} is missing or not writable; "
            "create it, or run this as the user that owns it"
        )


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` at once by a file of mode 0600, owned as the old one was, else as its folder."""
    try:
        owner = path.stat() if path.exists() else path.parent.stat()
        # Made with mode 0600, so that it is private from the first moment on.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(text)
        if os.geteuid() == 0:
            os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(path)
    except OSError as exc:
        raise ZabbixError(f"cannot write {path}: {(exc.strerror or str(exc)).lower()}") from exc
