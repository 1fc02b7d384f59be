"""The command as a person calls it: real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from trapper import Trapper

COMMAND = [sys.executable, "-c", "import sys; from argus_agent.cli import main; sys.exit(main())"]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "ARGUS_AGENT_CONFIG"}
    return subprocess.run(
        [*COMMAND, *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "agent.conf"
    path.write_text("[DEFAULT]\nhost = node-1\n[libvirt]\nuri = test:///default\n")
    return path


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("argus-agent 0.")


def test_check_config_says_what_will_be_done(conf: Path) -> None:
    done = run("--config-file", str(conf), "check-config")
    assert done.returncode == 0
    assert "node-1" in done.stdout
    assert "nothing is sent to Zabbix" in done.stdout


@pytest.mark.parametrize("args", [["check-config"], ["once"], []], ids=["check-config", "once", "daemon"])
def test_a_bad_configuration_is_one_line_and_exit_code_2(conf: Path, args: list[str]) -> None:
    conf.write_text("[zabbix]\nservres = a:1\n")
    done = run("--config-file", str(conf), *args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "did you mean servers?" in done.stderr


def test_an_unknown_option_is_exit_code_2() -> None:
    assert run("--nonsense").returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "table", "prometheus"])
def test_once_prints_a_cycle(conf: Path, form: str) -> None:
    done = run("--config-file", str(conf), "once", "--format", form)
    assert done.returncode == 0
    assert "memory_total_bytes" in done.stdout
    if form == "json":
        assert json.loads(done.stdout)["node"]["libvirt_up"] == 1


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_trouble(conf: Path) -> None:
    command = [*COMMAND, "--config-file", str(conf), "once", "--format", "prometheus"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.slow
def test_once_works_without_libvirtd_and_says_so_once(conf: Path) -> None:
    conf.write_text("[libvirt]\nuri = qemu:///system?socket=/nowhere/sock\n")
    done = run("--config-file", str(conf), "once", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["node"]["libvirt_up"] == 0
    assert done.stderr.count("/nowhere/sock") == 1
    assert "Traceback" not in done.stderr


@contextmanager
def daemon(conf: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "--config-file", str(conf)], stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        if process.stderr:
            process.stderr.close()


def metrics(port: int, wanted: str, seconds: float = 20) -> str:
    """Scrape until a text is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
                text = str(reply.read(), "utf-8")
        except OSError:
            text = ""
        if wanted in text:
            return text
        time.sleep(0.1)
    raise AssertionError(f"no {wanted} in /metrics")


def stop(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    return log


def test_the_daemon_measures_serves_and_stops(conf: Path, port: int) -> None:
    conf.write_text(conf.read_text() + f"[prometheus]\nlisten = 127.0.0.1:{port}\n")
    with daemon(conf) as process:
        text = metrics(port, "argus_node_libvirt_up 1\n")
        assert "argus_guest_state{" in text
        log = stop(process)
    assert "stopped" in log


@pytest.mark.slow
def test_the_daemon_delivers_to_zabbix_and_tells_systemd(
    conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        Trapper(registers=True) as zabbix,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
    ):
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        conf.write_text(
            conf.read_text().replace("[DEFAULT]", "[DEFAULT]\ninterval = 1")
            + f"[zabbix]\nservers = {zabbix.address}\n[prometheus]\nlisten =\n"
        )
        with daemon(conf) as process:
            assert systemd.recv(100) == b"READY=1\nWATCHDOG=1"
            deadline = time.monotonic() + 20
            while len({host for host, _ in zabbix.taken}) < 2:
                assert time.monotonic() < deadline, "node and guest were not delivered"
                time.sleep(0.05)
            stop(process)
        assert {metadata.split()[0] for metadata in zabbix.metadata} == {"argus-node", "argus-guest"}
        node = next(v for r in zabbix.requests for v in r.get("data", ()) if v["host"] == "node-1")
        assert node["key"] == "argus.node.get"
        assert json.loads(node["value"])["libvirt_up"] == 1


def test_a_port_that_is_taken_is_one_line_and_exit_code_2(conf: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:{1}".format(*taken.getsockname())
        conf.write_text(conf.read_text() + f"[prometheus]\nlisten = {address}\n")
        done = run("--config-file", str(conf))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert address in done.stderr


def test_hangup_reads_the_configuration_again_and_keeps_it_when_it_is_bad(conf: Path, port: int) -> None:
    good = conf.read_text() + f"[prometheus]\nlisten = 127.0.0.1:{port}\n"
    conf.write_text(good)
    with daemon(conf) as process:
        metrics(port, "argus_node_libvirt_up 1\n")
        conf.write_text("[DEFAULT]\nnonsense = 1\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr
        log = ""
        while "configuration kept as it was" not in log:
            log += process.stderr.readline()
        conf.write_text(good.replace("[DEFAULT]", "[DEFAULT]\ninterval = 2"))
        process.send_signal(signal.SIGHUP)
        while "configuration read again" not in log:
            log += process.stderr.readline()
        stop(process)


STAT = (
    "{pid} (qemu-kvm) S 1 1 1 0 -1 0 0 0 9 0 100 0 0 0 20 0 1 0 100 0 52000 "
    "0 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0"
)


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A recorded node with one guest that can be read; agent.conf is beside it."""
    uuid = "5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a001"
    domain = f"<domain><name>web [/prod]</name><uuid>{uuid}</uuid><memory>1024</memory></domain>"
    files = {
        "run/qemu/web.xml": f"<domstatus state='running' pid='4001'>{domain}</domstatus>",
        "proc/4001/stat": STAT.format(pid=4001),
        "proc/4001/cgroup": "0::/\n",
        "proc/4001/comm": "qemu-kvm\n",
        "proc/4001/task/4001/stat": STAT.format(pid=4001).replace("(qemu-kvm)", "(CPU 0/KVM)"),
        "proc/4001/task/4001/status": "Cpus_allowed_list:\t0\n",
        "proc/4001/numa_maps": "",
        "proc/meminfo": "MemTotal: 16384 kB\n",
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0\n",
        "sys/devices/system/cpu/online": "0\n",
        "profile.yaml": "name: small\nguest_disk_cache: none\nksm_run: 0\n",
        "sys/kernel/mm/ksm/run": "0\n",
        "agent.conf": f"[DEFAULT]\nhost = n\nprocfs = {tmp_path}/proc\nsysfs = {tmp_path}/sys\n"
        f"rundir = {tmp_path}/run\n[libvirt]\nuri = test:///default\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def _look(node: Path, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    profile = ("--profile", str(node / "profile.yaml")) if command == "audit" else ()
    return run("--config-file", str(node / "agent.conf"), command, *profile, *more)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["placement", "audit", "once"])
def test_guests_that_can_be_read_are_an_all_clear(node: Path, command: str) -> None:
    done = _look(node, command)
    assert done.returncode == 0
    assert "not read" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "broken"),
    [
        *(
            (command, place)
            for command in ("placement", "audit", "once")
            for place in ("run/qemu", "run/qemu/web.xml")
        ),
        ("placement", "proc/4001/stat"),
        ("once", "proc/4001/stat"),
        ("placement", "proc/4001/task/4001/status"),
        ("placement", "proc/4001/numa_maps"),
    ],
)
def test_guests_that_cannot_be_read_are_no_all_clear(node: Path, command: str, broken: str) -> None:
    """As for want of rights; root may read everything, but nobody reads a folder or a circle of links."""
    (node / broken).rename(node / "aside")
    (node / broken).symlink_to(broken.rpartition("/")[2])
    done = _look(node, command)
    assert done.returncode == 2
    assert done.stderr.startswith("argus-agent: ")
    assert "Traceback" not in done.stderr
    assert "Nothing is wrong" not in done.stdout
    told = _look(node, command, "--format", "json")
    assert told.returncode == 2
    if told.stdout:  # else it could not look at all
        assert json.loads(told.stdout)["unread"]


def test_an_unexpected_error_is_one_line_and_exit_code_2(node: Path) -> None:
    (node / "proc/meminfo").write_text("odd\n")
    done = _look(node, "audit")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("argus-agent: unexpected KeyError: 'MemTotal'")
    assert done.stderr.count("\n") == 1
    shown = run(
        "--debug", "--config-file", str(node / "agent.conf"), "audit", "--profile", str(node / "profile.yaml")
    )
    assert (shown.returncode, "Traceback" in shown.stderr) == (2, True)


def test_names_of_guests_are_no_markup(node: Path) -> None:
    assert "web [/prod]" in _look(node, "placement").stdout
