"""A stand-in for a region: recorded answers over real HTTP, with a catalogue; real ones are in the lab."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).parents[1] / "fixtures" / "openstack"
ENDPOINTS = {
    "identity": "/identity",
    "compute": "/compute/v2.1",
    "placement": "/placement",
    "image": "/image",
    "network": "/network",
    "block-storage": "/volume/v3",
    "orchestration": "/heat/v1/p",
    "object-store": "/swift/v1/AUTH_p",
    # of these, what is documented, not what was recorded
    "metric": "/metric",
    "database": "/trove/v1.0/p",
    "application-catalog": "/murano",
    "metering": "/metering",
}


def load(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def many(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Multiply recorded rows; each copy has a host of its own."""
    return [{**rows[n % len(rows)], "host": f"{rows[n % len(rows)].get('host')}-{n}"} for n in range(count)]


def answers(url: str, computes: int) -> dict[str, Any]:
    def versions(path: str, name: str, **more: str) -> dict[str, Any]:
        links = [{"rel": "self", "href": f"{url}{path}"}]
        return {"id": name, "status": "CURRENT", "links": links, **more}

    nova, agents = load("nova_services.json")["services"], load("neutron_agents.json")["agents"]
    hypervisors = load("nova_hypervisors.json")["hypervisors"]
    if computes:
        nova = [row for row in nova if row["binary"] != "nova-compute"] + many(nova[2:], computes)
        agents, hypervisors = many(agents, 2 * computes), many(hypervisors, computes)
    compute = versions("/compute/v2.1/", "v2.1", version="2.100", min_version="2.1")
    found: dict[str, Any] = {
        "/identity/v3": {"version": versions("/identity/v3/", "v3.14")},
        "/compute": {"versions": [compute]},
        "/compute/v2.1": {"version": compute},
        "/compute/v2.1/os-services": {"services": nova},
        "/compute/v2.1/os-hypervisors": {"hypervisors": hypervisors},
        "/placement": load("placement_root.json"),
        "/placement/resource_providers": {"resource_providers": [{}] * max(3, computes)},
        "/image": {"versions": [versions("/image/v2/", "v2.17")]},
        "/image/v2/images": {"images": []},
        "/network": {"versions": [versions("/network/v2.0/", "v2.0")]},
        "/network/v2.0/agents": {"agents": agents},
        "/volume": {"versions": [versions("/volume/v3/", "v3.0", version="3.71", min_version="3.0")]},
        "/volume/v3": {"versions": [versions("/volume/v3/", "v3.0", version="3.71", min_version="3.0")]},
        "/volume/v3/volumes": {"volumes": []},
        "/volume/v3/os-services": load("cinder_services.json"),
        "/volume/v3/scheduler-stats/get_pools": load("cinder_pools.json"),
        "/heat": {"versions": [versions("/heat/v1/", "v1.0")]},
        "/heat/v1/p/stacks": {"stacks": []},
        "/heat/v1/p/services": load("heat_services.json"),
        "/swift/healthcheck": "OK",
        "/swift/v1/AUTH_p": [],
    }
    roots = load("documented_roots.json")
    found |= {"/metric": roots["metric"], "/trove": roots["database"]}
    found |= {"/murano": roots["application-catalog"], "/metering": roots["metering"]}
    found["/metric/v1/status"] = load("gnocchi_status.json")
    found["/identity"] = {"versions": {"values": [found["/identity/v3"]["version"]]}}
    return found


def token(url: str, regions: dict[str, str]) -> dict[str, Any]:
    """With a shared Keystone: further regions have Nova and Glance, at addresses of their own."""
    further = {kind: regions if kind in {"compute", "image"} else {} for kind in ENDPOINTS}
    catalogue = [
        {
            "id": kind,
            "type": kind,
            "name": kind,
            "endpoints": [
                {
                    "id": kind + region,
                    "interface": "public",
                    "region": region,
                    "region_id": region,
                    "url": base + path,
                }
                for region, base in {"RegionOne": url, **further[kind]}.items()
            ],
        }
        for kind, path in ENDPOINTS.items()
    ]
    expires = {"expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z"}
    return {
        "token": {**expires, "methods": ["password"], "catalog": catalogue, "user": {"id": "u", "name": "u"}}
    }


@contextmanager
def recorded_cloud(
    folder: Path, computes: int = 0, regions: dict[str, str] | None = None
) -> Iterator[tuple[Path, dict[str, int]]]:
    """Serve a region; yields its clouds.yaml, and a dict of path -> status to answer instead.

    ``regions`` are further ones by the address of their services; an empty address is that of this server.
    """
    instead: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].rstrip("/")
            body = documents.get(path)
            status = instead.get(path, 404 if body is None else 200)
            self._send(status, body if status == 200 else {"error": {"message": "made to fail"}})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status = instead.get("token", 201)
            self._send(
                status, token(url, further) if status == 201 else {"error": {"message": "made to fail"}}
            )

        def _send(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Subject-Token", "t")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    url = f"http://127.0.0.1:{server.server_address[1]}"
    documents = answers(url, computes)
    further = {region: base or url for region, base in (regions or {}).items()}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    file = folder / "clouds.yaml"
    auth = f"{{auth_url: '{url}/identity/v3', username: u, password: p, project_name: p,"
    auth += " user_domain_id: default, project_domain_id: default}"
    file.write_text(f"clouds:\n  prod:\n    region_name: RegionOne\n    auth: {auth}\n")
    try:
        yield file, instead
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
