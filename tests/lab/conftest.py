"""The fixture `lab`: where the running lab is, and real clients for it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import libvirt
import pytest

from stack.components.openstack.cloud import Cloud
from stack.components.zabbix7 import zabbix7_env
from stack.errors import LabError
from stack.lab import TOP
from stack.lab import Lab as Stack
from stack.polling import wait_until
from stack.zabbix_api import open_api

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from pyzabbix.api import ZabbixAPI

T = TypeVar("T")
ENV_FILE = TOP / "lab" / "run" / "env"


@dataclass(frozen=True, slots=True)
class Lab:
    """The running lab, as lab/run/env describes it."""

    env: dict[str, str]  # every assignment of lab/run/env
    stack: Stack  # its processes: lab.stack.processes.pid("lab-node1") is the pid of libvirtd

    @property
    def zabbix_url(self) -> str:
        return self.env["ZABBIX_URL"]

    @property
    def zabbix_server(self) -> tuple[str, int]:
        host, _, port = self.env["ZABBIX_SERVER"].rpartition(":")
        return host, int(port)

    @property
    def libvirt_uri(self) -> str:
        return self.env["LIBVIRT_URI"]

    @property
    def libvirt_uri2(self) -> str:
        """The second node's, while `second_node()` is entered."""
        return self.libvirt_uri.replace("lab-node1", "lab-node2")

    @property
    def agent_metrics_url(self) -> str:
        return self.env["AGENT_METRICS_URL"]

    @property
    def argus_metrics_url(self) -> str:
        return self.env["ARGUS_METRICS_URL"]

    @property
    def database_url(self) -> str:
        return self.env["DATABASE_URL"]

    @property
    def redis_url(self) -> str:
        return self.env["REDIS_URL"]

    @property
    def mailbox(self) -> Path:
        return Path(self.env["MAILBOX_DIR"])

    def zabbix(self) -> AbstractContextManager[ZabbixAPI]:
        """A session with the API as administrator: `with lab.zabbix() as api: api.host.get(...)`."""
        return open_api(self.zabbix_url, self.env["ZABBIX_USER"], self.env["ZABBIX_PASSWORD"])

    def mails(self, after: int = 0) -> list[EmailMessage]:
        """The mails that arrived, oldest first, without the first `after`."""
        files = sorted(self.mailbox.glob("*.eml"))[after:]
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]

    def run(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """`argus` or `argus-agent` with arguments, in the lab's environment, as a person would call it."""
        command = Path(sys.executable).parent / argv[0]
        return subprocess.run(
            [command, *argv[1:]],
            capture_output=True,
            text=True,
            env=self.env,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    @contextmanager
    def libvirt(self, uri: str | None = None) -> Iterator[libvirt.virConnect]:
        connection = libvirt.open(uri or self.libvirt_uri)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def second_node(self) -> Iterator[str]:
        """A second compute node, lab-node2, with its own agent; its libvirt URI."""
        self._stack("node2", "up")
        try:
            yield self.libvirt_uri2
        finally:
            self._stack("node2", "down")

    @contextmanager
    def zabbix7(self) -> Iterator[Lab]:
        """The lab as it looks with its Zabbix 7.0, which is up meanwhile with an agent of its own."""
        self._stack("zabbix7", "up", timeout=700)
        try:
            stack = Stack.open()  # it may have had to take another port
            yield Lab({**self.env, **zabbix7_env(stack)}, stack)
        finally:
            self._stack("zabbix7", "down")

    @contextmanager
    def proxies(self) -> Iterator[tuple[int, int]]:
        """Two proxies of the lab's Zabbix; their ports on 127.0.0.1."""
        self._stack("proxies", "up")
        try:
            ports = Stack.open().ports
            yield ports["zabbix-proxy-a"], ports["zabbix-proxy-b"]
        finally:
            self._stack("proxies", "down")

    @contextmanager
    def openstack(self) -> Iterator[Cloud]:
        """An OpenStack control plane: whole when it is entered; left as it is when it ran before."""
        ran_before = self.stack.processes.pid("keystone") is not None
        self._stack("openstack", "up", timeout=900)
        try:
            yield Cloud(self.stack)
        finally:
            if not ran_before:
                self._stack("openstack", "down")

    @contextmanager
    def further(self, what: str) -> Iterator[None]:
        """Something beside the control plane: `horizon`, `galera` or `rabbitmq-cluster`."""
        self._stack("further", what, "up")
        try:
            yield
        finally:
            self._stack("further", what, "down")

    def migrate(self, name: str, source: str, target: str) -> None:
        """Live-migrate a guest between two libvirt URIs of this machine.

        UNSAFE: both nodes see the same disk files, which libvirt cannot know.
        """
        flags = (
            libvirt.VIR_MIGRATE_LIVE
            | libvirt.VIR_MIGRATE_PERSIST_DEST
            | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
            | libvirt.VIR_MIGRATE_UNSAFE
        )
        way = f"unix://{self.stack.run}/migrate-{name}.sock"
        with self.libvirt(source) as here, self.libvirt(target) as there:
            here.lookupByName(name).migrate3(there, {libvirt.VIR_MIGRATE_PARAM_URI: way}, flags)

    def wait_until(self, predicate: Callable[[], T], timeout: float, every: float = 0.5) -> T:
        """The first true answer of `predicate`; the test fails when `timeout` seconds bring none."""
        answer = wait_until(predicate, timeout, every)
        assert answer, f"not true within {timeout:g} s"
        return answer

    def _stack(self, *argv: str, timeout: float = 400) -> None:
        """A command of the lab; it may wait for another, such as a control plane that comes up beside."""
        environment = {**self.env, "PYTHONPATH": str(TOP / "lab")}
        subprocess.run([sys.executable, "-m", "stack", *argv], env=environment, timeout=timeout, check=True)


def read_env(file: Path) -> dict[str, str]:
    """The variables of the file and PATH, as a shell that sourced it would have them."""
    done = subprocess.run(
        [
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "sh",
            "-c",
            f". {shlex.quote(str(file))} && env -0",
        ],
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    pairs = (entry.partition("=") for entry in done.stdout.split("\0") if entry)
    return {name: value for name, _, value in pairs}


@pytest.fixture(scope="session")
def lab() -> Lab:
    if not ENV_FILE.exists():
        pytest.fail(f"{ENV_FILE} is missing: bring the lab up with ./lab/up, or run ./lab/test")
    try:
        return Lab(read_env(ENV_FILE), Stack.open())
    except LabError as failure:
        pytest.fail(str(failure))


@pytest.fixture(scope="session")
def lab7(lab: Lab) -> Iterator[Lab]:
    """The lab as it looks with its Zabbix 7.0: one server for all tests."""
    with lab.zabbix7() as seven:
        yield seven


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("lab", id="6.0", marks=pytest.mark.lab),
        pytest.param("lab7", id="7.0", marks=pytest.mark.zabbix7),
    ],
)
def each_zabbix(request: pytest.FixtureRequest) -> Lab:
    """The lab with its Zabbix 6.0, and again with its 7.0: a test that uses it runs in both parts."""
    chosen: Lab = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture(scope="session")
def cloud(lab: Lab) -> Iterator[Cloud]:
    """One control plane for all tests of a run; whoever hurts it puts it right again."""
    with lab.openstack() as whole:
        yield whole
