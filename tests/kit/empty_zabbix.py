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

    ``heartbeat`` is the row of ``item.get`` of what the server asks itself; ``None``: no such item.
    """

    url: str = ""
    version: str = "6.0.0"
    events: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    heartbeat: dict[str, Any] | None = None

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
        return []


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
