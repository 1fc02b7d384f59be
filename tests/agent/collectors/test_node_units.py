"""Services of the node: what systemd's unit files expect of them, and whether they do it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argus.catalogue.model import Value
from argus_agent.collectors.node_units import LOOK_AGAIN_SECONDS, NodeUnits
from argus_agent.cycle import Cycle
from argus_agent.host import Host
from argus_agent.kernel.unit_files import Expectation, expectation

WATCH = ("*.service",)
RUNNING = "[Service]\nType=notify\nExecStart=/bin/true\n"
ONESHOT = "[Unit]\nDescription=x\n[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    (tmp_path / "sys/fs/cgroup/system.slice").mkdir(parents=True)
    folders = (tmp_path / "run", tmp_path / "lib")
    roots = (tmp_path / "proc", tmp_path / "sys", tmp_path / "libvirt")
    return Host("n", *roots, monotonic=lambda: 0.0, systemd=tmp_path / "etc", unit_folders=folders)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def enable(host: Host, name: str, text: str | None = None, folder: str = "multi-user.target.wants") -> None:
    target = host.systemd.parent / "lib" / name
    if text is not None:
        write(target, text)
    link = host.systemd / folder / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def start(host: Host, name: str) -> Path:
    return write(host.cgroupfs / "system.slice" / name / "cgroup.events", "populated 1\nfrozen 0\n")


def told(host: Host, collector: NodeUnits | None = None, at: float = 0.0) -> dict[str, Value]:
    cycle = Cycle(replace(host, monotonic=lambda: at), at, units=WATCH)
    return {sample.labels[0]: sample.value for sample in (collector or NodeUnits()).collect(cycle)}


def test_an_enabled_service_is_missed_and_one_that_ends_by_itself_is_not(
    host: Host,
) -> None:
    enable(host, "a.service", RUNNING)
    enable(host, "b.service", ONESHOT)
    assert told(host) == {"a.service": 0}


@pytest.mark.parametrize(
    "text",
    [
        ONESHOT,
        "[Service]\nType = oneshot\nExecStart=/bin/true\n",
        "[Service]\nType=simple\nExecStart=/bin/true\nRemainAfterExit=1\n",
        "[Service]\nType=forking\nExecStart=/etc/init.d/x start\nRemainAfterExit=yes\n",
        "[Service]\nExecStop=/bin/true\nRemainAfterExit=on\n",
        "[Service]\nExecStop=/bin/true\n",
        "[Service]\nExecStart=/bin/true\nType=simple\n# Type=notify\nType=oneshot\n",
    ],
)
def test_services_that_are_healthy_without_a_process(host: Host, text: str) -> None:
    enable(host, "b.service", text)
    assert told(host) == {}


@pytest.mark.parametrize("yes", ["1", "yes", "y", "true", "T", "On"])
def test_every_word_that_systemd_takes_for_yes_is_one(host: Host, yes: str) -> None:
    enable(host, "b.service", f"[Service]\nType=simple\nExecStart=/bin/true\nRemainAfterExit={yes}\n")
    assert told(host) == {}


@pytest.mark.parametrize(
    "text",
    [
        RUNNING,
        "[Service]\nExecStart=/bin/true\n",
        "[Service]\nExecStart=/bin/true\nType=oneshot\nType=exec\n",
        "[Service]\nExecStart=/bin/true\n; Type=oneshot\n[Install]\nType=oneshot\n",
        "[Service]\nExecStart=/bin/sh -c \\\n  Type=oneshot\n",
        "[Service]\nExecStart=/bin/true\nRemainAfterExit=no\n",
    ],
)
def test_services_that_are_not(host: Host, text: str) -> None:
    enable(host, "b.service", text)
    assert told(host) == {"b.service": 0}


def test_a_oneshot_is_not_missed_after_it_was_seen_at_work(host: Host) -> None:
    enable(host, "b.service", ONESHOT)
    group, collector = start(host, "b.service"), NodeUnits()
    assert told(host, collector) == {}
    group.unlink()
    group.parent.rmdir()
    assert told(host, collector) == {}


@pytest.mark.parametrize("folder", ["etc/n-b@x", "run/n-b@", "etc/n-"])
def test_a_drop_in_changes_what_is_expected(host: Host, folder: str) -> None:
    write(host.systemd.parent / "lib/n-b@.service", RUNNING)
    enable(host, "n-b@x.service")
    assert told(host) == {"n-b@x.service": 0}
    write(host.systemd.parent / f"{folder}.service.d/1.conf", "[Service]\nType=oneshot\n")
    assert told(host) == {}


def test_a_drop_in_of_the_administrator_replaces_the_packages_of_the_same_name(host: Host) -> None:
    enable(host, "b.service", RUNNING)
    write(host.systemd.parent / "lib/b.service.d/type.conf", "[Service]\nType=oneshot\n")
    write(host.systemd / "b.service.d/type.conf", "[Service]\nRestart=always\n")
    assert told(host) == {"b.service": 0}


def test_the_administrators_unit_file_replaces_the_packages(host: Host) -> None:
    enable(host, "b.service", RUNNING)
    write(host.systemd / "b.service", ONESHOT)
    assert told(host) == {}


def test_an_alias_has_the_drop_ins_of_both_names(host: Host) -> None:
    write(host.systemd.parent / "lib/chrony.service", RUNNING)
    write(host.systemd.parent / "lib/chrony.service.d/1.conf", "[Service]\nType=oneshot\n")
    host.systemd.mkdir()
    (host.systemd / "chronyd.service").symlink_to(host.systemd.parent / "lib/chrony.service")
    enable(host, "chronyd.service")
    assert told(host) == {}


def test_a_masked_service_is_not_missed(host: Host) -> None:
    enable(host, "b.service", RUNNING)
    (host.systemd / "b.service").symlink_to("/dev/null")
    assert told(host) == {}


def test_a_link_that_a_removed_package_left_says_nothing(host: Host) -> None:
    enable(host, "gone.service")
    assert told(host) == {}


def test_a_service_that_ran_is_missed_though_nobody_enabled_it_or_has_its_file(host: Host) -> None:
    group, collector = start(host, "b.service"), NodeUnits()
    assert told(host, collector) == {"b.service": 1}
    group.unlink()
    group.parent.rmdir()
    assert told(host, collector) == {"b.service": 0}


@pytest.mark.parametrize("folder", ["multi-user.target.wants", "a.target.requires", "a.service.upholds"])
def test_every_kind_of_link_enables(host: Host, folder: str) -> None:
    enable(host, "a.service", RUNNING, folder)
    assert told(host) == {"a.service": 0}


def test_what_a_generator_or_a_package_enables_is_missed_too(host: Host) -> None:
    for folder, name in (("run", "sysv.service"), ("lib", "vendor.service")):
        file = write(host.systemd.parent / folder / name, RUNNING)
        link = host.systemd.parent / folder / "multi-user.target.wants" / name
        link.parent.mkdir()
        link.symlink_to(file)
    assert told(host) == {"sysv.service": 0, "vendor.service": 0}


def test_a_unit_file_that_may_not_be_read_is_counted_and_nothing_is_said(host: Host) -> None:
    enable(host, "a.service", RUNNING)
    (host.systemd / "b.service").mkdir(parents=True)  # plays EACCES
    enable(host, "b.service", RUNNING)
    cycle = Cycle(host, 0.0, units=WATCH)
    assert [sample.labels for sample in NodeUnits().collect(cycle)] == [("a.service",)]
    assert list(cycle.unread_files) == ["b.service"]


def test_files_are_looked_at_again_after_a_while(host: Host) -> None:
    enable(host, "a.service", RUNNING)
    collector = NodeUnits()
    assert told(host, collector) == {"a.service": 0}
    write(host.systemd.parent / "lib/a.service", ONESHOT)
    assert told(host, collector, at=1.0) == {"a.service": 0}
    assert told(host, collector, at=LOOK_AGAIN_SECONDS) == {}


def test_another_machines_units_are_not_looked_for_on_this_one(tmp_path: Path) -> None:
    assert Host("n", systemd=tmp_path).unit_folders == ()
    assert Path("/usr/lib/systemd/system") in Host("n").unit_folders


def test_no_file_is_unknown(tmp_path: Path) -> None:
    assert expectation("a.service", (tmp_path,)) is Expectation.UNKNOWN


def test_a_service_may_be_enabled_from_any_folder(host: Host, tmp_path: Path) -> None:
    file = write(tmp_path / "opt/b.service", ONESHOT)
    wanted = host.systemd / "multi-user.target.wants"
    wanted.mkdir(parents=True)
    (wanted / "b.service").symlink_to(file)
    assert told(host) == {}
    file.write_text(RUNNING)
    assert told(host) == {"b.service": 0}
