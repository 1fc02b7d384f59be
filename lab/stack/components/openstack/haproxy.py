"""HAProxy: the address that users know each API by, with a statistics page and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.openstack.settings import HOST, etc, home, url
from stack.errors import DownError
from stack.ports import answers

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab

# front end, path that is asked, processes behind it
BACKENDS = (
    ("keystone", "/v3", ("keystone",)),
    ("placement", "/", ("placement-1", "placement-2")),
    ("nova-api", "/", ("nova-api",)),
    ("glance-api", "/", ("glance-api",)),
    ("neutron-server", "/", ("neutron-server",)),
    ("cinder-api", "/", ("cinder-api",)),
    ("heat-api", "/", ("heat-api",)),
    ("swift-proxy", "/healthcheck", ("swift-proxy",)),
)
HEAD = """\
global
  stats socket {home}/haproxy.sock mode 600 level admin
  maxconn 500
defaults
  mode http
  option redispatch 1
  timeout connect 3s
  timeout check 3s
  timeout client 90s
  timeout server 90s
frontend stats
  bind {host}:{stats}
  stats enable
  stats uri /
  http-request use-service prometheus-exporter if {{ path /metrics }}
"""
LISTEN = """\
listen {name}
  bind {host}:{port}
  option httpchk GET {path}
  http-check expect rstatus (200|300|401)
"""
SERVER = "  server {name} {host}:{port} check inter 1s fall 2 rise 1\n"
NOTICES = 8  # seconds: two checks of up to 3 s each, which a busy machine needs, and a second before each


class Haproxy:
    name = "haproxy"
    needs = ("openstack-packages",)

    def start(self, lab: Lab) -> str:
        text = _config(lab)
        etc(lab).mkdir(parents=True, exist_ok=True)
        (etc(lab) / "haproxy.cfg").write_text(text)
        argv: list[str | Path] = ["haproxy", "-db", "-f", etc(lab) / "haproxy.cfg"]
        lab.processes.start(self.name, argv, fingerprint=text)
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        if not answers(lab.ports["haproxy"]):
            raise DownError(f"nothing listens on {HOST}:{lab.ports['haproxy']}")
        return f"statistics on {url(lab, 'haproxy')}/"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


def _config(lab: Lab) -> str:
    text = HEAD.format(home=home(lab), host=HOST, stats=lab.ports["haproxy"])
    for name, path, processes in BACKENDS:
        text += LISTEN.format(name=name, host=HOST, port=lab.ports[f"haproxy:{name}"], path=path)
        for process in processes:
            text += SERVER.format(name=process, host=HOST, port=lab.ports[process])
    return text
