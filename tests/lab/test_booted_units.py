"""All units as they are shipped, on a Debian booted by systemd, installed as README says, with real guests.

The machine is a container of its own: in memory, without a network, gone with the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stack.components.unit_node import DISKS, SHARED, UNIT_GUESTS
from stack.errors import LabError
from stack.lab import TOP
from stack.polling import wait_until
from tests.lab.unit_machine import (
    AGENT,
    CONFIG,
    FETCH_EXPORTER,
    PYTHON,
    Machine,
    Value,
    booted,
    install_by_readme,
    install_correlator,
    parse,
    probe,
    start_libvirt,
)

pytestmark = [pytest.mark.lab, pytest.mark.own]

UUIDS = {guest.uuid for guest in UNIT_GUESTS}
SUCCESS, UNREAD = "argus_agent_collector_success", "argus_agent_collector_unread_guests"
UP = "argus_node_libvirt_up"
# One of each source that needs a right of its own; all are told of every running guest.
OF_LIBVIRT = {
    "argus_guest_cpu_time_seconds_total",
    "argus_guest_disk_read_ops_total",
    "argus_guest_memory_max_bytes",
}
OF_THE_KERNEL = {
    "argus_guest_threads_delay_seconds_total",  # status files, /proc/PID/task
    "argus_guest_process_rss_bytes",  # /proc/PID/status
    "argus_guest_ksm_rmap_items",  # ksm_stat
    "argus_guest_numa_bytes",  # memory.numa_stat or numa_maps
    "argus_guest_pressure_cpu_some_seconds_total",  # cpu.pressure of the guest's control group
}
SOON_OR_LATE = 90  # seconds: what moves slowly is read in turn
SANDBOX_PROBE = "/var/lib/argus/probe.json"
ONLY_DEBUGGERS = ("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "io_uring_setup", "move_pages")


@dataclass(frozen=True, slots=True)
class Beginning:
    """The machine whose agent began without libvirt, and what was seen of it then."""

    machine: Machine
    pid: int
    active: str
    metrics: list[Value]


@pytest.fixture(scope="module")
def beginning() -> Iterator[Beginning]:
    with booted() as machine:
        install_by_readme(machine)
        machine.write(CONFIG, "[DEFAULT]\ninterval = 1\n")
        machine.sh(f"systemctl restart {AGENT}")
        metrics = machine.wait(machine.metrics)
        yield Beginning(machine, machine.pid(), machine.show("ActiveState"), metrics)


@pytest.fixture(scope="module")
def machine(beginning: Beginning) -> Machine:
    """With libvirt and two guests, of which the first has booted."""
    machine = beginning.machine
    start_libvirt(machine)
    console = f"{DISKS}/{UNIT_GUESTS[0].name}.console"
    machine.wait(lambda: "GUEST-UP" in machine.run("cat", console, check=False), 120)
    machine.wait(lambda: guests_of(machine.metrics(), OF_LIBVIRT) >= UUIDS, 60)
    return machine


def guests_of(values: list[Value], names: set[str]) -> set[str]:
    """The guests of which all of these are told."""
    told = {(value.labels.get("uuid", ""), value.name) for value in values}
    return {uuid for uuid, _ in told if uuid and all((uuid, name) in told for name in names)}


def one(values: list[Value], name: str) -> float:
    (value,) = [value.value for value in values if value.name == name]
    return value


def failed(values: list[Value]) -> list[str]:
    return [v.labels["collector"] for v in values if v.name == SUCCESS and v.value != 1]


def unread(values: list[Value]) -> dict[str, float]:
    return {v.labels["collector"]: v.value for v in values if v.name == UNREAD and v.value}


def test_the_agent_starts_where_libvirt_and_its_group_have_never_been(beginning: Beginning) -> None:
    assert beginning.active == "active"
    assert one(beginning.metrics, UP) == 0
    assert one(beginning.metrics, "argus_node_memory_total_bytes") > 0


def test_it_finds_libvirt_and_the_guests_when_they_come(beginning: Beginning, machine: Machine) -> None:
    assert machine.pid() == beginning.pid
    assert one(machine.metrics(), UP) == 1


def test_every_collector_succeeds_and_nothing_of_a_guest_is_unread(machine: Machine) -> None:
    values = machine.metrics()
    assert len([v for v in values if v.name == SUCCESS]) > 30
    assert failed(values) == []
    assert unread(values) == {}


def test_both_guests_are_told_by_libvirt_and_by_the_kernel(machine: Machine) -> None:
    machine.wait(lambda: guests_of(machine.metrics(), OF_LIBVIRT | OF_THE_KERNEL) >= UUIDS, SOON_OR_LATE)


def test_the_sandbox_hides_nothing_that_root_can_see(machine: Machine) -> None:
    outside = parse(machine.run("/opt/argus/bin/argus-agent", "once", "--format", "prometheus"))
    names = {value.name for value in outside}
    assert len(names) > 150

    seen: set[str] = set()

    def hidden() -> set[str]:
        """What was never told."""
        seen.update(value.name for value in machine.metrics())
        return names - seen

    assert wait_until(lambda: not hidden(), SOON_OR_LATE, 0.5), sorted(hidden())


def test_the_guests_are_still_told_while_libvirtd_is_away(machine: Machine) -> None:
    machine.sh("systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service")
    try:
        machine.wait(lambda: one(machine.metrics(), UP) == 0)
        machine.wait(lambda: guests_of(machine.metrics(), OF_THE_KERNEL) >= UUIDS, SOON_OR_LATE)
    finally:
        machine.sh("systemctl start libvirtd.socket libvirtd.service")
    machine.wait(lambda: one(machine.metrics(), UP) == 1)


def test_it_is_in_no_group_and_has_two_capabilities_and_a_filter(machine: Machine) -> None:
    text = machine.run("cat", f"/proc/{machine.pid()}/status")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    own = machine.run("id", "--group", "argus").strip()
    assert status["Groups"].split() == [own]
    assert (status["Seccomp"], status["NoNewPrivs"], status["Umask"]) == ("2", "1", "0077")
    both = 1 << 2 | 1 << 19  # CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Bnd")} == {both}


@pytest.fixture(scope="module")
def probes(machine: Machine) -> tuple[dict[str, str], dict[str, str]]:
    """What a process can do in the sandbox, and with the same user and capabilities outside it."""
    script = machine.share(TOP / "tests/lab/unit_probe.py")
    with machine.drop_in(f"[Service]\nExecStartPre={PYTHON} {script} {SANDBOX_PROBE}\n"):
        inside = probe(machine, SANDBOX_PROBE)
    capabilities = "AmbientCapabilities=CAP_DAC_READ_SEARCH CAP_SYS_PTRACE"
    same = f"--uid=argus --gid=argus --property='{capabilities}'"
    machine.sh(f"systemd-run --quiet --wait {same} {PYTHON} {script} /tmp/probe.json")
    return inside, probe(machine, "/tmp/probe.json")


def test_what_the_agent_needs_is_allowed_in_the_sandbox(
    probes: tuple[dict[str, str], dict[str, str]],
) -> None:
    inside, _ = probes
    needed = ("netlink socket", "affinity of PID 1", "statvfs through PID 1", "mounts of PID 1")
    assert {inside[name] for name in (*needed, "page tables of PID 1")} == {"done"}


def test_what_the_agent_never_does_is_refused_in_the_sandbox(
    probes: tuple[dict[str, str], dict[str, str]],
) -> None:
    inside, outside = probes
    assert "EPERM" not in {outside[name] for name in ONLY_DEBUGGERS}, "this check could not fail"
    calls = [name for name in inside if " " not in name]
    assert {name: inside[name] for name in calls if inside[name] != "EPERM"} == {}
    assert outside["read /etc/shadow"] == "done"
    refused = ("read /etc/shadow", "list /home", "write /etc", "write /sys", "write memory of PID 1")
    assert "done" not in {inside[name] for name in (*refused, "packet socket")}


def test_it_reloads_its_configuration_and_goes_on(machine: Machine) -> None:
    before = machine.pid()
    read_again = "configuration read again"
    times = machine.journal().count(read_again)
    machine.write(CONFIG, "[DEFAULT]\ninterval = 2\n")
    try:
        machine.run("systemctl", "reload", AGENT)
        machine.wait(lambda: machine.journal().count(read_again) > times)
        assert failed(machine.metrics()) == []
    finally:
        machine.write(CONFIG, "[DEFAULT]\ninterval = 1\n")
        machine.run("systemctl", "reload", AGENT)
    assert machine.pid() == before


def test_no_system_call_that_the_filter_refuses_is_ever_made(machine: Machine) -> None:
    """Start, cycles of every kind, reload and stop; each such call would be the end of the process.

    But for set_mempolicy(), which libnuma tries when it is loaded.
    """
    strict = "[Service]\nSystemCallErrorNumber=kill\nSystemCallFilter=set_mempolicy\n"
    with machine.drop_in(strict):
        pid = machine.pid()
        machine.wait(lambda: guests_of(machine.metrics(), OF_LIBVIRT | OF_THE_KERNEL) >= UUIDS, SOON_OR_LATE)
        machine.run("systemctl", "reload", AGENT)
        machine.wait(lambda: "configuration read again" in machine.journal())
        assert (machine.pid(), machine.show("NRestarts")) == (pid, "0")
        assert failed(machine.metrics()) == []
        machine.run("systemctl", "stop", AGENT)
        assert (machine.show("Result"), machine.show("ExecMainStatus")) == ("success", "0")


def test_a_refused_system_call_is_the_end_under_the_strict_filter(machine: Machine) -> None:
    """So that the test above can fail."""
    try_once = f"ExecStartPre={PYTHON} -c 'import os; os.nice(1)'"
    with (
        pytest.raises(LabError, match="fatal signal"),
        machine.drop_in(f"[Service]\nSystemCallErrorNumber=kill\n{try_once}\n"),
    ):
        pytest.fail("it started")


def test_the_watchdog_restarts_an_agent_that_hangs_and_the_journal_says_where(machine: Machine) -> None:
    with machine.drop_in("[Service]\nWatchdogSec=4\nRestartSec=1\n"):
        hung = machine.pid()
        machine.wait(machine.metrics)
        machine.run("kill", "-STOP", str(hung))
        # the agent asks systemd for as long as a cycle may take: four of libvirt's timeouts and a minute
        machine.wait(
            lambda: machine.show("NRestarts") == "1" and machine.show("ActiveState") == "active", 120
        )
        assert machine.pid() not in {0, hung}
        machine.wait(lambda: guests_of(machine.metrics(), OF_LIBVIRT) >= UUIDS)
        said = machine.journal()
        assert "Watchdog timeout" in said
        assert "Fatal Python error: Aborted" in said
        assert "argus_agent" in said.partition("Fatal Python error: Aborted")[2]


def test_it_stops_at_once_and_leaves_nothing(machine: Machine) -> None:
    machine.sh(f"systemctl restart {AGENT}")
    machine.wait(machine.metrics)
    try:
        machine.run("systemctl", "stop", AGENT, timeout=10)
        assert (machine.show("Result"), machine.show("ActiveState")) == ("success", "inactive")
        assert machine.run("pgrep", "-u", "argus", check=False) == ""
    finally:
        machine.sh(f"systemctl start {AGENT}")


def test_without_the_right_to_debug_only_what_needs_it_is_missing_and_counted(machine: Machine) -> None:
    before = {value.name for value in machine.metrics()}
    with machine.drop_in((TOP / "systemd/examples/agent-without-ptrace.conf").read_text()):
        machine.wait(lambda: guests_of(machine.metrics(), OF_LIBVIRT) >= UUIDS)
        values = machine.metrics()
        assert failed(values) == []
        assert guests_of(values, {"argus_guest_threads_delay_seconds_total"}) == UUIDS
        missing = before - {value.name for value in values}
        assert not missing or unread(values), f"nothing says that these could not be read: {missing}"


def test_the_drop_in_for_the_group_opens_a_closed_socket(machine: Machine) -> None:
    socket = "/run/libvirt/libvirt-sock-ro"
    machine.sh(f"chgrp libvirt {socket} && chmod 0660 {socket} && systemctl restart {AGENT}")
    try:
        machine.wait(machine.metrics)
        assert one(machine.metrics(), UP) == 0
        with machine.drop_in((TOP / "systemd/examples/agent-libvirt-group.conf").read_text()):
            machine.wait(lambda: {v.value for v in machine.metrics() if v.name == UP} == {1})
    finally:
        machine.sh(f"chmod 0666 {socket}")


def test_the_unit_is_the_one_that_is_shipped(machine: Machine) -> None:
    machine.sh(f"cmp /etc/systemd/system/{AGENT} {SHARED}/systemd/{AGENT}")
    assert machine.run("ls", f"/etc/systemd/system/{AGENT}.d", check=False) == ""


@pytest.fixture(scope="module")
def strict_correlator(beginning: Beginning) -> Machine:
    """The correlator beside the agent, where each system call that its units refuse is the end."""
    machine = beginning.machine
    install_correlator(machine)
    for unit in ("argus", "argus-exporter", "argus-worker", "argus-beat"):
        machine.write(
            f"/etc/systemd/system/{unit}.service.d/strict.conf", "[Service]\nSystemCallErrorNumber=kill\n"
        )
    machine.sh("systemctl daemon-reload && runuser -u argus -- /opt/argus/bin/argus db upgrade")
    return machine


def test_the_correlator_in_one_process_and_its_exporter_run_under_their_units(
    strict_correlator: Machine,
) -> None:
    machine = strict_correlator
    machine.sh("systemctl start argus argus-exporter")
    # a task has run: nobody gave it a token for Zabbix, and it says so
    machine.wait(lambda: "zabbix-token" in machine.journal("argus"), 60)
    machine.wait(lambda: "argus_incidents" in machine.run(PYTHON, "-c", FETCH_EXPORTER, check=False), 60)
    for unit in ("argus", "argus-exporter"):
        machine.run("systemctl", "stop", unit)
        assert (machine.show("Result", unit), machine.show("NRestarts", unit)) == ("success", "0")


def test_worker_and_beat_run_under_their_units(strict_correlator: Machine) -> None:
    machine = strict_correlator
    machine.sh("systemctl start redis-server argus-worker argus-beat")
    machine.wait(lambda: "zabbix-token" in machine.journal("argus-worker"), 60)
    for unit in ("argus-worker", "argus-beat"):
        machine.run("systemctl", "stop", unit)
        assert (machine.show("Result", unit), machine.show("NRestarts", unit)) == ("success", "0")
    assert "WorkerLostError" not in machine.journal("argus-worker")  # tasks end by themselves
