"""Guests as the kernel sees them, on trees of the two shapes that vhost workers come in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from argus_agent.kernel.guests import KernelGuests, Role, role_of
from argus_agent.kernel.qemu_search import AGAIN

UUID = "5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a001"
STATUS = """<domstatus state='running' reason='booted' pid='{pid}'>
  <vcpus><vcpu id='0' pid='4250'/></vcpus>
  <domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid></domain></domstatus>"""
STAT = (
    "{pid} ({comm}) S 1 1 1 0 -1 0 0 0 0 0 {utime} 0 0 0 20 0 9 0 100 0 52000 "
    "0 1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0"
)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/instance-1.xml").write_text(STATUS.format(pid=4242, name="instance-1", uuid=UUID))
    base = tmp_path / "proc/4242"
    for tid, comm in ((4242, "qemu-system-x86"), (4250, "CPU 0/KVM"), (4251, "IO iothread1")):
        _task(base / f"task/{tid}", tid, comm)
    (base / "stat").write_text(STAT.format(pid=4242, comm="qemu-system-x86", utime=0))
    (base / "status").write_text("VmRSS:\t  208000 kB\n")
    (base / "comm").write_text("qemu-system-x86\n")
    (base / "cgroup").write_text("0::/machine.slice/machine-qemu\\x2d1.scope/libvirt/emulator\n")
    return tmp_path


def _task(folder: Path, tid: int, comm: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stat").write_text(STAT.format(pid=tid, comm=comm, utime=100))
    (folder / "schedstat").write_text("1000000000 500000000 7\n")
    (folder / "comm").write_text(f"{comm}\n")


def _roles(host: Path) -> list[Role]:
    guests = KernelGuests(host / "run", host / "proc").read()
    return sorted((thread.role for guest in guests for thread in guest.threads), key=lambda role: role.value)


@pytest.mark.parametrize(
    ("comm", "role"),
    [
        ("CPU 11/KVM", Role.VCPU),
        ("CPU 0/TCG", Role.VCPU),
        ("IO iothread3", Role.IOTHREAD),
        ("IO mon_iothread", Role.EMULATOR),
        ("vhost-4242", Role.VHOST),
        ("worker", Role.EMULATOR),
    ],
)
def test_the_name_of_a_thread_tells_its_role(comm: str, role: Role) -> None:
    assert role_of(comm) is role


def test_the_threads_of_a_guest_are_read(host: Path) -> None:
    assert _roles(host) == [Role.EMULATOR, Role.IOTHREAD, Role.VCPU]


def test_vhost_workers_are_kernel_threads_before_linux_6_4(host: Path) -> None:
    _task(host / "proc/99", 99, "vhost-4242")
    _task(host / "proc/98", 98, "vhost-7")
    assert _roles(host).count(Role.VHOST) == 1


def test_vhost_workers_are_threads_of_qemu_since_linux_6_4(host: Path) -> None:
    _task(host / "proc/4242/task/4260", 4260, "vhost-4242")
    assert _roles(host).count(Role.VHOST) == 1


def test_a_worker_that_starts_later_is_found(host: Path) -> None:
    guests = KernelGuests(host / "run", host / "proc")
    before = len(guests.read()[0].threads)
    _task(host / "proc/99", 99, "vhost-4242")
    assert len(guests.read()[0].threads) == before + 1


def test_a_guest_whose_process_is_gone_is_left_out(host: Path) -> None:
    (host / "run/instance-2.xml").write_text(STATUS.format(pid=5555, name="gone", uuid=UUID[:-1] + "2"))
    guests = KernelGuests(host / "run", host / "proc").read()
    assert [guest.guest.name for guest in guests] == ["instance-1"]


def test_a_half_written_status_file_costs_only_its_guest(host: Path) -> None:
    (host / "run/a.xml").write_text("<domstatus state='running'")
    assert len(KernelGuests(host / "run", host / "proc").read()) == 1


@pytest.mark.parametrize("name", ["run/instance-1.xml", "proc/4242/stat", "proc/4242/cgroup"])
def test_a_file_that_cannot_be_read_costs_only_its_guest(host: Path, name: str) -> None:
    """As EACCES would; root may read everything, but nobody reads a folder."""
    (host / "run/instance-2.xml").write_text(STATUS.format(pid=4343, name="well", uuid=UUID[:-1] + "2"))
    shutil.copytree(host / "proc/4242", host / "proc/4343")
    (host / name).unlink()
    (host / name).mkdir()
    guests = KernelGuests(host / "run", host / "proc").read()
    assert [guest.guest.name for guest in guests] == ["well"]


@pytest.mark.parametrize("left", [0, 10, 60])
@pytest.mark.parametrize("name", ["run/instance-1.xml", "proc/4242/stat", "proc/4242/task/4250/stat"])
def test_a_file_that_shrank_costs_only_what_it_told(host: Path, name: str, left: int) -> None:
    text = (host / name).read_text()
    (host / name).write_text(text[:left])
    guests = KernelGuests(host / "run", host / "proc").read()
    assert all(guest.guest.uuid == UUID for guest in guests)
    assert not any(thread.tid == 4250 for guest in guests for thread in guest.threads) or "task" not in name


def test_a_kernel_without_schedstat_gives_no_delay(host: Path) -> None:
    (host / "proc/4242/task/4250/schedstat").unlink()
    threads = KernelGuests(host / "run", host / "proc").read()[0].threads
    assert [thread.delay_seconds for thread in threads if thread.role is Role.VCPU] == [None]
    assert [thread.cpu_seconds for thread in threads if thread.role is Role.VCPU] == [1.0]


def test_a_host_without_libvirt_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="libvirt keeps no status"):
        KernelGuests(tmp_path / "run", tmp_path).read()


def test_a_process_that_got_the_number_of_a_guest_that_ended_is_not_taken_for_it(host: Path) -> None:
    """While libvirtd is away nobody removes the record."""
    (host / "proc/4242/cmdline").write_text(f"qemu-system-x86_64\0-uuid\0{UUID}\0")
    guests = KernelGuests(host / "run", host / "proc")
    assert len(guests.read()) == 1
    stat = (host / "proc/4242/stat").read_text()
    (host / "proc/4242/stat").write_text(stat.replace(" 100 0 52000", " 900 0 52000"))  # it started later
    (host / "proc/4242/cmdline").write_text("cron\0")
    assert guests.read() == ()
    assert guests.unread == {}


def test_a_thread_has_the_role_of_its_own_name_and_not_of_its_makers(host: Path) -> None:
    _task(host / "proc/4242/task/4261", 4261, "qemu-system-x86")
    guests = KernelGuests(host / "run", host / "proc")
    before = [thread.role for thread in guests.read()[0].threads]
    _task(host / "proc/4242/task/4261", 4261, "IO iothread2")
    after = [thread.role for thread in guests.read()[0].threads]
    assert (before.count(Role.IOTHREAD), after.count(Role.IOTHREAD)) == (1, 2)


def test_threads_that_are_known_are_not_read_in_full(host: Path) -> None:
    guests = KernelGuests(host / "run", host / "proc")
    for _ in range(2):
        guests.read()
    (host / "proc/4242/task/4251/stat").unlink()
    (iothread,) = [t for t in guests.read()[0].threads if t.role is Role.IOTHREAD]
    assert (iothread.cpu_seconds, iothread.delay_seconds, iothread.timeslices) == (1.0, 0.5, 7)


def test_what_this_user_may_not_read_is_told(host: Path) -> None:
    (host / "proc/4242/stat").unlink()
    (host / "proc/4242/stat").mkdir()
    guests = KernelGuests(host / "run", host / "proc")
    assert guests.read() == ()
    assert list(guests.unread) == [UUID]


def _set_count(host: Path, count: int) -> None:
    stat = STAT.format(pid=4242, comm="qemu-system-x86", utime=0)
    (host / "proc/4242/stat").write_text(stat.replace(" 20 0 9 0 ", f" 20 0 {count} 0 "))


def test_a_thread_that_came_for_one_that_ended_is_seen_though_their_number_is_the_same(host: Path) -> None:
    _set_count(host, 3)
    guests = KernelGuests(host / "run", host / "proc")
    assert [thread.tid for thread in guests.read()[0].threads] == [4242, 4250, 4251]
    shutil.rmtree(host / "proc/4242/task/4251")
    _task(host / "proc/4242/task/4299", 4299, "IO iothread2")
    assert [thread.tid for thread in guests.read()[0].threads] == [4242, 4250, 4299]


def test_a_thread_more_is_seen(host: Path) -> None:
    _set_count(host, 3)
    guests = KernelGuests(host / "run", host / "proc")
    guests.read()
    _task(host / "proc/4242/task/4299", 4299, "worker")
    _set_count(host, 4)
    assert [thread.tid for thread in guests.read()[0].threads] == [4242, 4250, 4251, 4299]


def _add_guest(host: Path, pid: int, last: str, **files: str) -> str:
    """Another guest, whose status file says ``pid``; files of /proc/PID are there for those given."""
    uuid = UUID[:-1] + last
    (host / f"run/instance-{last}.xml").write_text(STATUS.format(pid=pid, name=f"instance-{last}", uuid=uuid))
    if files:
        _process(host, pid, **files)
    return uuid


def _process(host: Path, pid: int, **files: str) -> None:
    shutil.copytree(host / "proc/4242", host / f"proc/{pid}", dirs_exist_ok=True)
    for name, text in files.items():
        (host / f"proc/{pid}/{name}").write_text(text)


def _uuids(guests: KernelGuests) -> list[str]:
    return [guest.guest.uuid for guest in guests.read()]


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_zombie_is_not_a_running_guest(host: Path, state: str) -> None:
    guests = KernelGuests(host / "run", host / "proc")
    assert _uuids(guests) == [UUID]
    (host / "proc/4242/cmdline").write_text("")
    stat = (host / "proc/4242/stat").read_text()
    (host / "proc/4242/stat").write_text(stat.replace(") S ", f") {state} "))
    assert (_uuids(guests), guests.unread) == ([], {})
    assert KernelGuests(host / "run", host / "proc").read() == ()


def test_a_foreign_process_that_may_not_be_looked_at_is_passed_over_and_logged_once(
    host: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As EACCES would; root may read everything, but nobody reads a folder."""
    for pid in (1, 7):
        (host / f"proc/{pid}/comm").mkdir(parents=True)
    guests = KernelGuests(host / "run", host / "proc")
    assert _uuids(guests) == _uuids(guests) == [UUID]
    assert guests.unread == {}
    assert caplog.text.count("may not be looked at") == 1


def test_a_run_directory_that_cannot_be_listed_is_not_one_without_guests(host: Path) -> None:
    (host / "run").rename(host / "moved")
    (host / "run").symlink_to("run")  # a circle: ELOOP, as root may list everything
    with pytest.raises(OSError, match="symbolic links") as caught:
        KernelGuests(host / "run", host / "proc").read()
    assert not isinstance(caught.value, FileNotFoundError)


def test_guests_of_a_session_daemon_are_found(host: Path) -> None:
    (host / "run/run").mkdir()
    (host / "run/instance-1.xml").rename(host / "run/run/instance-1.xml")
    assert _uuids(KernelGuests(host / "run", host / "proc")) == [UUID]


def test_a_status_file_that_was_replaced_by_one_of_same_time_and_size_is_read_anew(host: Path) -> None:
    guests = KernelGuests(host / "run", host / "proc")
    guests.read()
    path = host / "run/instance-1.xml"
    stat = path.stat()
    new = host / "run/instance-1.xml.new"
    new.write_text(path.read_text().replace("instance-1", "instance-X"))
    os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    new.rename(path)
    assert [guest.guest.name for guest in guests.read()] == ["instance-X"]


class TestLibvirtInAPidNamespace:
    """Its numbers are those of a container; the UUID is on QEMU's command line."""

    @pytest.fixture
    def inner(self, host: Path) -> Path:
        """The status file says 42, which is a shell here."""
        (host / "run/instance-1.xml").write_text(STATUS.format(pid=42, name="instance-1", uuid=UUID))
        (host / "proc/4242/cmdline").write_text(f"qemu-kvm\0-name\0guest=a\0-uuid\0{UUID}\0-m\x001\0")
        _process(host, 42, cmdline="bash\0")
        return host

    def test_the_process_is_found_by_uuid(self, inner: Path) -> None:
        (guest,) = KernelGuests(inner / "run", inner / "proc").read()
        assert guest.guest.pid == 4242
        assert [t.vcpu for t in guest.threads if t.role is Role.VCPU] == [0]  # by its name

    def test_the_process_is_found_where_the_number_is_nobodys(self, inner: Path) -> None:
        shutil.rmtree(inner / "proc/42")
        assert _uuids(KernelGuests(inner / "run", inner / "proc")) == [UUID]

    def test_a_guest_that_is_nowhere_is_unread_with_the_reason(self, inner: Path) -> None:
        (inner / "proc/4242/cmdline").write_text("cron\0")
        guests = KernelGuests(inner / "run", inner / "proc")
        assert _uuids(guests) == []
        assert "process 42 of libvirt's status file is not its QEMU" in guests.unread[UUID]

    def test_where_processes_are_hidden_a_number_of_nobody_is_unread_too(self, inner: Path) -> None:
        shutil.rmtree(inner / "proc/42")
        shutil.rmtree(inner / "proc/4242")
        guests = KernelGuests(inner / "run", inner / "proc")
        assert (_uuids(guests), guests.unread) == ([], {})
        (inner / "proc/self").symlink_to("1")  # a real /proc, without kernel threads
        assert _uuids(guests) == []
        assert "hidden" in guests.unread[UUID]
        _process_named(inner / "proc/2", "kthreadd")
        assert (_uuids(guests), guests.unread) == ([], {})

    def test_of_two_processes_with_the_uuid_the_one_of_that_number_inside_is_taken(self, inner: Path) -> None:
        shutil.copytree(inner / "proc/4242", inner / "proc/4300")
        guests = KernelGuests(inner / "run", inner / "proc")
        assert _uuids(guests) == []
        (inner / "proc/4300/status").write_text("NSpid:\t4300\t42\n")
        (guest,) = guests.read()
        assert guest.guest.pid == 4300

    def test_a_process_that_becomes_qemu_later_is_found_in_the_end(self, inner: Path) -> None:
        cmdline = (inner / "proc/4242/cmdline").read_text()
        (inner / "proc/4242/cmdline").write_text("libvirtd\0")
        guests = KernelGuests(inner / "run", inner / "proc")
        assert _uuids(guests) == []
        (inner / "proc/4242/cmdline").write_text(cmdline)
        assert [UUID] in [_uuids(guests) for _ in range(AGAIN)]

    def test_a_helper_with_the_uuid_in_a_path_is_not_qemu(self, inner: Path) -> None:
        (inner / "proc/4242/cmdline").write_text(f"swtpm\0--tpmstate\0dir=/var/lib/swtpm/{UUID}\0")
        assert _uuids(KernelGuests(inner / "run", inner / "proc")) == []


def _process_named(folder: Path, comm: str) -> None:
    folder.mkdir()
    (folder / "comm").write_text(f"{comm}\n")


def test_a_group_that_two_guests_claim_is_told_of_neither_until_one_has_gone(
    host: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group = host / "cgroup/machine.slice/machine-qemu\\x2d1\\x2da.scope"
    group.mkdir(parents=True)
    (host / "cgroup/cgroup.controllers").write_text("io\n")
    (host / "proc/4242/cgroup").write_text(
        "0::/machine.slice/machine-qemu\\x2d1\\x2da.scope/libvirt/emulator\n"
    )
    guests = KernelGuests(host / "run", host / "proc")
    (alone,) = guests.read()
    assert alone.folder(host / "cgroup", "io") == str(group)
    other = _add_guest(host, 4343, "2", comm="qemu\n")
    for _ in range(2):
        assert [guest.folder(host / "cgroup", "io") for guest in guests.read()] == [None, None]
    assert [guest.guest.uuid for guest in guests.read()] == [UUID, other]
    assert caplog.text.count("no control group of their own") == 1
    (host / "run/instance-2.xml").unlink()
    (alone,) = guests.read()
    assert alone.folder(host / "cgroup", "io") == str(group)


def test_a_vcpu_that_moved_is_told_where_it_is_now(host: Path) -> None:
    guests = KernelGuests(host / "run", host / "proc")

    def processors() -> list[int | None]:
        threads = guests.read()[0].threads
        return [thread.processor for thread in threads if thread.role is Role.VCPU]

    file = host / "proc/4242/task/4250/stat"
    assert [processors() for _ in range(3)] == [[3]] * 3
    file.write_text(file.read_text().replace(" 17 3 0 ", " 17 11 0 "))
    assert processors() == [11]
    file.write_text("4250 (CPU 0/KVM) S 1 1")
    assert processors() == [], "a file that was cut off is no vCPU on CPU 0"


def test_a_group_of_a_vcpu_that_came_later_is_listed_once_libvirt_wrote_its_record_anew(host: Path) -> None:
    scope = host / "cgroup/machine.slice/machine-qemu\\x2d1.scope"
    (scope / "libvirt/emulator").mkdir(parents=True)
    (host / "cgroup/cgroup.controllers").write_text("cpu io memory\n")
    guests = KernelGuests(host / "run", host / "proc")

    def groups() -> set[str]:
        (guest,) = guests.read()
        return {Path(group).name for group in guest.groups(host / "cgroup", "cpu")}

    assert "vcpu0" not in groups()
    (scope / "libvirt/vcpu0").mkdir()
    file = host / "run/instance-1.xml"
    file.write_text(file.read_text() + "\n")
    assert "vcpu0" in groups()
