"""memcached: tokens that were checked already."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from stack.components.openstack.settings import HOST
from stack.errors import DownError

if TYPE_CHECKING:
    from stack.lab import Lab


class Memcached:
    name = "memcached"
    needs = ("openstack-packages",)

    def start(self, lab: Lab) -> str:
        argv = ["memcached", "-u", "root", "-l", HOST, "-p", str(lab.ports[self.name]), "-m", "64"]
        lab.processes.start(self.name, [*argv])
        return lab.processes.wait_ready(self.name, lambda: self.check(lab))

    def check(self, lab: Lab) -> str:
        address = (HOST, lab.ports[self.name])
        try:
            with socket.create_connection(address, timeout=3) as connection:
                connection.sendall(b"version\r\n")
                said = connection.recv(100).decode(errors="replace").split()
        except OSError as failure:
            raise DownError(f"{HOST}:{address[1]}: {failure}") from None
        if said[:1] != ["VERSION"]:
            raise DownError(f"{HOST}:{address[1]} answers {said}")
        return f"memcached {said[1]} on {HOST}:{address[1]}"

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)
