"""Horizon: the page that people log in at, by uWSGI, in a venv of its own; on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from stack.components.openstack.packages import CLOUD, LockedVenv
from stack.components.openstack.service import environment
from stack.components.openstack.settings import HOST, etc, home, identity_url, url
from stack.components.openstack.wsgi import uwsgi_ini
from stack.errors import DownError

if TYPE_CHECKING:
    from pathlib import Path

    from stack.lab import Lab


def _venv(lab: Lab) -> Path:
    return home(lab) / "venv-horizon"


HORIZON_VENV = LockedVenv("horizon-venv", _venv, CLOUD / "horizon.txt")


class Horizon:
    name = "horizon"
    needs = ("horizon-venv", "memcached")

    def start(self, lab: Lab) -> str:
        text = uwsgi_ini(lab.ports[self.name], "django.core.wsgi:get_wsgi_application()")
        file = etc(lab) / "horizon.ini"
        file.write_text(text)
        env = {
            **environment(lab),
            "PYTHONPATH": str(CLOUD),
            "DJANGO_SETTINGS_MODULE": "argus_horizon",
            "KEYSTONE_URL": identity_url(lab),
            "MEMCACHED": f"{HOST}:{lab.ports['memcached']}",
        }
        argv: list[str | Path] = [_venv(lab) / "bin" / "uwsgi", "--ini", file]
        lab.processes.start(self.name, argv, env=env, fingerprint=text)
        return lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=90)

    def check(self, lab: Lab) -> str:
        address = url(lab, self.name) + "/"
        try:
            answer = requests.get(address, timeout=30)
        except requests.RequestException as failure:
            raise DownError(f"{address}: {failure.__class__.__name__}") from None
        if answer.status_code != requests.codes.ok:
            raise DownError(f"{address} answers {answer.status_code}")
        return answer.url

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


HORIZON = (HORIZON_VENV, Horizon())
