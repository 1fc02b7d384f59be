"""The QEMU that guests run, and how many run one that was replaced."""

from __future__ import annotations

from pathlib import Path

from argus.catalogue.guest_qemu import GUESTS_OUTDATED
from argus.catalogue.model import Sample, samples_of
from argus_agent.collectors.guest_qemu import GuestQemu
from argus_agent.cycle import Cycle
from argus_agent.host import Host
from argus_agent.kernel.domstatus import RunningGuest
from argus_agent.kernel.guests import GuestProcess
from argus_agent.kernel.process import Stat

STAT = Stat("qemu", "S", 1, 0, 0.0, 0.0, 1, 1, 1, 0)


def guest(pid: int) -> GuestProcess:
    running = RunningGuest(f"g{pid}", f"u{pid}", pid, "running", "booted", {}, machine="pc-q35-8.2")
    return GuestProcess(running, STAT, {}, ())


def collected(root: Path, *guests: GuestProcess, unread: dict[str, str] | None = None) -> list[Sample]:
    host = Host("n", root / "proc", root / "sys", root / "run", monotonic=lambda: 100.0)
    unread = {} if unread is None else unread
    return list(samples_of(GuestQemu().collect(Cycle(host, 5.0, running=lambda: guests, unread=unread))))


def runs(root: Path, pid: int, program: str) -> None:
    (root / f"proc/{pid}").mkdir(parents=True)
    (root / f"proc/{pid}/exe").symlink_to(root / program)
    (root / f"proc/{pid}/root").symlink_to("/")


def test_guests_tell_what_they_run_and_the_node_how_many_are_behind(tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(b"QEMU emulator version 8.2.2\n")
    (tmp_path / "old (deleted)").write_bytes(b"QEMU emulator version 7.2.1 (Debian)\n")
    runs(tmp_path, 7, "new")
    runs(tmp_path, 8, "old (deleted)")
    (tmp_path / "proc/1").mkdir()
    (tmp_path / "proc/1/root").symlink_to("/")
    found = {(s.metric.field, *s.labels): s.value for s in collected(tmp_path, guest(7), guest(8))}
    assert found == {
        ("qemu_version", "u7"): "8.2.2",
        ("qemu_outdated", "u7"): 0,
        ("qemu_version", "u8"): "7.2.1 (Debian)",
        ("qemu_outdated", "u8"): 1,
        ("qemu_machine", "u7"): "pc-q35-8.2",
        ("qemu_machine", "u8"): "pc-q35-8.2",
        ("guests_outdated_qemu",): 1,
    }


def test_where_no_program_can_be_looked_at_none_is_said_to_be_new(tmp_path: Path) -> None:
    samples = collected(tmp_path, guest(7))
    assert [s.metric.field for s in samples] == ["qemu_machine"]
    assert GUESTS_OUTDATED not in {s.metric for s in samples}
