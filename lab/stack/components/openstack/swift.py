"""Swift with one device and one replica; the proxy takes Keystone's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.packages import CLOUD
from stack.components.openstack.service import Service, answers_at, environment
from stack.components.openstack.settings import HOST, common, etc, ini, state, venv
from stack.errors import DownError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.lab import Lab

STORES = ("account", "container", "object")
PIPELINE = "catch_errors healthcheck proxy-logging cache authtoken keystoneauth proxy-logging proxy-server"


def files(lab: Lab) -> dict[str, str]:
    secret = lab.password("openstack-service")
    hashes = {"swift-hash": {"swift_hash_path_prefix": secret, "swift_hash_path_suffix": secret}}
    stores = {f"swift/{kind}-server.conf": ini(_store(lab, kind)) for kind in STORES}
    return {"swift/swift.conf": ini(hashes), "swift/proxy-server.conf": ini(_proxy(lab)), **stores}


def _server(lab: Lab, kind: str) -> dict[str, object]:
    port = lab.ports[f"swift-{kind}"]
    return {"bind_ip": HOST, "bind_port": port, "workers": 0, "user": "root", "swift_dir": etc(lab) / "swift"}


def _store(lab: Lab, kind: str) -> dict[str, dict[str, object]]:
    return {
        "DEFAULT": {**_server(lab, kind), "devices": state(lab) / "swift", "mount_check": False},
        "pipeline:main": {"pipeline": f"healthcheck recon {kind}-server"},
        f"app:{kind}-server": {"use": f"egg:swift#{kind}"},
        "filter:healthcheck": {"use": "egg:swift#healthcheck"},
        "filter:recon": {"use": "egg:swift#recon", "recon_cache_path": state(lab) / "swift-recon"},
    }


def _proxy(lab: Lab) -> dict[str, dict[str, object]]:
    memcached = f"{HOST}:{lab.ports['memcached']}"
    check = common(lab)["keystone_authtoken"]
    filters: dict[str, dict[str, object]] = {
        "catch_errors": {"use": "egg:swift#catch_errors"},
        "healthcheck": {"use": "egg:swift#healthcheck"},
        "proxy-logging": {"use": "egg:swift#proxy_logging"},
        "cache": {"use": "egg:swift#memcache", "memcache_servers": memcached},
        "authtoken": {
            "paste.filter_factory": "keystonemiddleware.auth_token:filter_factory",
            **check,
            "delay_auth_decision": True,
        },
        "keystoneauth": {"use": "egg:swift#keystoneauth", "operator_roles": "admin, member"},
    }
    return {
        "DEFAULT": _server(lab, "proxy"),
        "pipeline:main": {"pipeline": PIPELINE},
        "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": True},
        **{f"filter:{name}": options for name, options in filters.items()},
    }


class SwiftRings:
    """Where each part of Swift finds its data: made once for a set of ports."""

    name = "swift-rings"
    needs = ("openstack-venv", "openstack-config")

    def start(self, lab: Lab) -> str:
        (state(lab) / "swift" / "d1").mkdir(parents=True, exist_ok=True)
        (state(lab) / "swift-recon").mkdir(parents=True, exist_ok=True)
        devices = [f"{kind}:{lab.ports[f'swift-{kind}']}" for kind in STORES]
        made = etc(lab) / "swift" / "devices"
        if not made.exists() or made.read_text().split() != devices:
            script: list[str | Path] = [venv(lab) / "bin" / "python", CLOUD / "swift_rings.py"]
            lab.command(self.name, [*script, made.parent, *devices], env=environment(lab))
            made.write_text(" ".join(devices))
        return self.check(lab)

    def check(self, lab: Lab) -> str:
        if missing := [kind for kind in STORES if not (etc(lab) / "swift" / f"{kind}.ring.gz").exists()]:
            raise DownError(f"no ring for {', '.join(missing)}")
        return "one device, one replica"

    def stop(self, lab: Lab) -> None:
        """Files only."""


def _argv(kind: str) -> Callable[[Lab], list[str | Path]]:
    def argv(lab: Lab) -> list[str | Path]:
        return ["python", CLOUD / "swift_server.py", kind, etc(lab) / "swift"]

    return argv


SWIFT = (
    *(
        Service(
            f"swift-{kind}",
            ("swift-rings",),
            _argv(kind),
            answers_at(f"swift-{kind}", "/healthcheck", balanced=False),
            ("swift/swift.conf", f"swift/{kind}-server.conf"),
        )
        for kind in STORES
    ),
    Service(
        "swift-proxy",
        ("swift-rings", "keystone-catalogue", "memcached", "haproxy"),
        _argv("proxy"),
        answers_at("swift-proxy", "/healthcheck"),
        ("swift/swift.conf", "swift/proxy-server.conf"),
    ),
)
