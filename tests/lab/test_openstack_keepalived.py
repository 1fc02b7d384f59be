"""Real keepalived in network namespaces: one holder is well; none, and two after a crash, are outages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from stack.polling import wait_until

pytestmark = pytest.mark.openstack

VIP = "10.99.0.100"
CONF = """\
global_defs {{
  router_id {name}
  vrrp_version 3
}}
vrrp_instance api {{
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int 0.2
  virtual_ipaddress {{
    {vip}/24
  }}
}}
"""
LOOKS = """
import sys
from argus.probes.keepalived import Keepalived
from argus.probes.rounds import attempt
from argus.probes.wire import Deadline
found = attempt(Keepalived(sys.argv[1], "br0", tuple(sys.argv[2:])).run, Deadline(5))
print(found.state.value, found.message, *(f"{part.host}:{part.message}" for part in found.parts), sep="; ")
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)


@dataclass(frozen=True)
class Segment:
    """Two controllers with keepalived, and a third place on the same segment from which it is looked."""

    prefix: str
    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]]

    def place(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def start(self, name: str, priority: int) -> None:
        conf = self.folder / f"{name}.conf"
        conf.write_text(CONF.format(name=name, priority=priority, vip=VIP))
        conf.chmod(0o600)
        pids = [f"--pid={self.folder}/{name}.pid", f"--vrrp_pid={self.folder}/{name}-vrrp.pid"]
        argv = ["keepalived", "--dont-fork", "--log-console", "--vrrp", f"--use-file={conf}", *pids]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.daemons[name] = subprocess.Popen(
                ["ip", "netns", "exec", self.place(name), *argv],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, name: str, sign: signal.Signals) -> None:
        daemon = self.daemons.pop(name)
        if sign == signal.SIGKILL:
            os.killpg(daemon.pid, sign)  # with the process that holds the address
        else:
            daemon.send_signal(sign)
        daemon.wait(10)

    def end_all(self) -> None:
        for name in list(self.daemons):
            self.end(name, signal.SIGKILL)

    def looks(self) -> str:
        members = [f"{name}=02:00:00:00:00:0{number}" for number, name in enumerate("ab", start=1)]
        argv = ["ip", "netns", "exec", self.place("c"), sys.executable, "-c", LOOKS, VIP, *members]
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def until(self, wanted: str) -> None:
        last: list[str] = []

        def seen() -> bool:
            last[:] = [self.looks()]
            return last[0].startswith(wanted)

        assert wait_until(seen, 30), f"wanted {wanted!r}, it looks as {last}"


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    made = Segment(f"argus{os.getpid()}", tmp_path, {})
    with ExitStack() as after:
        for name in "cab":
            ip("netns", "add", made.place(name))
            after.callback(ip, "netns", "del", made.place(name))
        ip("-n", made.place("c"), "link", "add", "br0", "type", "bridge")
        ip("-n", made.place("c"), "link", "set", "br0", "up")
        for number, name in enumerate("ab", start=1):
            there, here = made.place(name), made.place("c")
            peer = ["peer", "name", "eth0", "netns", there, "address", f"02:00:00:00:00:0{number}"]
            ip("-n", here, "link", "add", f"to-{name}", "type", "veth", *peer)
            ip("-n", here, "link", "set", f"to-{name}", "master", "br0", "up")
            ip("-n", there, "address", "add", f"10.99.0.{number}/24", "dev", "eth0")
            ip("-n", there, "link", "set", "eth0", "up")
        after.callback(made.end_all)
        yield made


def test_who_holds_the_address_and_that_nobody_or_two_do(segment: Segment) -> None:
    segment.until(f"down; nobody holds {VIP}")
    segment.start("a", 150)
    segment.start("b", 100)
    segment.until(f"up; ; a:holds {VIP}; b:stands by")
    segment.end("a", signal.SIGTERM)
    segment.until(f"up; ; a:stands by; b:holds {VIP}")
    segment.start("a", 150)
    segment.until(f"up; ; a:holds {VIP}; b:stands by")
    segment.end(
        "a", signal.SIGKILL
    )  # the address stays where its keeper died, and the other takes it as well
    segment.until(f"down; a and b hold {VIP} at the same time")
