"""A Zabbix API that answers; in it are the groups that it is asked for and what a test adds, no more."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from argus.render.items import HEARTBEAT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Contents:
    """``events`` are ids of problems' events, ``asked`` the methods that were called.

    ``rows`` are what a method answers with, whatever its filters, those of their ids and severities excepted.
    ``heartbeat`` is the row of ``item.get`` of what the server asks itself; ``None``: no such item.
    """

    url: str = ""
    version: str = "6.0.0"
    events: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    heartbeat: dict[str, Any] | None = None
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def answer(self, method: str, params: Any) -> Any:
        """As Zabbix 6.0 does."""
        self.asked.append(method)
        if method == "apiinfo.version":
            return self.version
        if method == "hostgroup.get":
            names = params.get("filter", {}).get("name", [])
            return [{"groupid": str(number), "name": name} for number, name in enumerate(names, 1)]
        if method == "event.get":
            found = [each for each in self.events if each >= int(params.get("eventid_from", 0))]
            return [{"eventid": str(each)} for each in sorted(found, reverse=True)[: params["limit"]]]
        if method == "item.get" and params.get("filter", {}).get("key_") == HEARTBEAT_KEY:
            return [self.heartbeat] if self.heartbeat else []
        return [row for row in self.rows.get(method, []) if _is_asked_for(row, params)]


def _is_asked_for(row: dict[str, Any], params: Any) -> bool:
    for name, wanted in {"eventid": "eventids", "triggerid": "triggerids", "severity": "severities"}.items():
        if wanted in params and row.get(name) not in [str(each) for each in params[wanted]]:
            return False
    return "groupids" not in params or bool(row.get("ours", True))


@contextmanager
def empty_zabbix(port: int = 0) -> Iterator[Contents]:
    """All is well in it: no hosts, no problems."""
    contents = Contents()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            result = contents.answer(asked["method"], asked["params"])
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    contents.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield contents
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
