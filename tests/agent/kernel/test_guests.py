"""Guests as the kernel sees them, on trees of the two shapes that vhost workers come in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from argus_agent.kernel.guests import KernelGuests, Role, role_of

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
    (base / "cgroup").write_text("0::/machine.slice/machine-qemu.scope/libvirt/emulator\n")
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
