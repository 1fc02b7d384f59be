"""A stand-in for a cloud's API, for faults: Keystone and its catalogue, with answers of our choice.

The real control plane is in the lab (``tests/lab``); this one is late, partial or forbidding on demand.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STALL_SECONDS = 30
SERVICES = ("compute", "placement", "identity", "network")


@dataclass
class FakeCloud:
    """``answers``: path below a service -> JSON, a status, or ``stall``, ``drip``, ``cut``, ``garbage``."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    services: tuple[str, ...] = SERVICES
    stopping: threading.Event = field(default_factory=threading.Event)

    def clouds_yaml(self, directory: Path) -> Path:
        """Write a clouds.yaml with the one cloud ``fake`` in it."""
        file = directory / "clouds.yaml"
        file.write_text(
            "clouds:\n  fake:\n    region_name: RegionOne\n    auth:\n"
            f"      auth_url: {self.url}/identity/v3\n      username: argus\n      password: s3cret-word\n"
            "      project_name: admin\n      user_domain_id: default\n      project_domain_id: default\n",
            encoding="utf-8",
        )
        return file

    def asked(self, path: str) -> list[dict[str, str]]:
        """Return the headers of each request for ``path``."""
        return [headers for where, headers in self.seen if where == path]

    def token(self) -> dict[str, Any]:
        catalog = [
            {
                "type": service,
                "name": service,
                "endpoints": [
                    {"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": url}
                ],
            }
            for service in self.services
            for url in [f"{self.url}/{service}" + {"compute": "/v2.1", "identity": "/v3"}.get(service, "")]
        ]
        return {
            "token": {
                "methods": ["password"],
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "catalog": catalog,
                "user": {"id": "u", "name": "argus", "domain": {"id": "default", "name": "Default"}},
                "project": {"id": "p", "name": "admin", "domain": {"id": "default", "name": "Default"}},
                "roles": [{"id": "r", "name": "reader"}],
            }
        }

    def version(self, service: str) -> dict[str, Any]:
        path, number, newest = {
            "compute": ("/v2.1", "v2.1", "2.96"),
            "identity": ("/v3", "v3.14", ""),
            "network": ("/v2.0", "v2.0", ""),
        }[service]
        made = {
            "id": number,
            "status": "CURRENT",
            "links": [{"rel": "self", "href": f"{self.url}/{service}{path}/"}],
        }
        return made | ({"version": newest, "min_version": "2.1"} if newest else {})


@contextmanager
def fake_cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud()

    class Handler(_Handler):
        fake = cloud

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    cloud.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield cloud
    finally:
        cloud.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeCloud

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.fake.answers.get("/auth/tokens", self.fake.token())
        self._answer(answer, {"X-Subject-Token": "t0ken"}, 201)

    def do_GET(self) -> None:
        service, _, rest = self.path.lstrip("/").partition("/")
        self.fake.seen.append((self.path, dict(self.headers)))
        path = "/" + rest
        for version in ("/v2.1", "/v3", "/v2.0"):
            path = path.removeprefix(version) if path.startswith((version + "/", version + "?")) else path
        if urlsplit(path).path in {"/", "/v2.1", "/v3", "/v2.0"} and service in {"compute", "identity"}:
            self._answer({"version": self.fake.version(service)})
        elif urlsplit(path).path == "/" and service == "network":
            self._answer({"versions": [self.fake.version(service)]})
        else:
            self._answer(self.fake.answers.get(path, self.fake.answers.get(urlsplit(path).path, 404)))

    def _answer(self, answer: Any, headers: dict[str, str] | None = None, status: int = 200) -> None:
        if answer == "stall":
            self.fake.stopping.wait(STALL_SECONDS)
            return
        if answer == "drip":
            self._drip()
            return
        if isinstance(answer, int):
            status, answer = answer, {"error": {"code": answer, "message": f"said {answer}"}}
        body = b"<html>not JSON" if answer == "garbage" else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) + (100 if answer == "cut" else 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        """A byte now and then: each read succeeds, the answer never ends."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not self.fake.stopping.wait(0.05):
            try:
                self.wfile.write(b" " * 16)
            except OSError:
                return

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""
