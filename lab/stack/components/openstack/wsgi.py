"""The two APIs that have no server of their own run in uWSGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.settings import HOST, etc, ini

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.lab import Lab


def uwsgi_ini(port: int, module: str) -> str:
    options = {
        "http-socket": f"{HOST}:{port}",
        "module": module,
        "master": "true",
        "processes": 1,
        "threads": 4,
        "lazy-apps": "true",
        "enable-threads": "true",
        "die-on-term": "true",
        "buffer-size": 65535,
        "disable-logging": "true",
        # http-socket does not keep connections: without this every second request on one is reset
        "add-header": "Connection: close",
    }
    return ini({"uwsgi": options})


def uwsgi(file: str) -> Callable[[Lab], list[str | Path]]:
    def argv(lab: Lab) -> list[str | Path]:
        return ["uwsgi", "--ini", etc(lab) / file]

    return argv
