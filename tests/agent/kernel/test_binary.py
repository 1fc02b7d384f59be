"""Which program a process runs: by links of /proc that lead to other files."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.binary import parse_build_id, read_build_id, read_program, read_version


def elf(build_id: bytes, text: bytes = b"", order: str = "<") -> bytes:
    """A program with a note of another kind before that of its build ID."""
    other = struct.pack(f"{order}III", 4, 16, 5) + b"GNU\0" + bytes(16)
    notes = other + struct.pack(f"{order}III", 4, len(build_id), 3) + b"GNU\0" + build_id
    head = b"\x7fELF" + bytes((2, 1 if order == "<" else 2, 1)) + bytes(9)
    head += struct.pack(f"{order}HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack(f"{order}IIQQQQQQ", 1, 5, 0, 0, 0, 0, 0, 0)
    note = struct.pack(f"{order}IIQQQQQQ", 4, 4, 176, 0, 0, len(notes), len(notes), 4)
    return head + load + note + notes + text


def process(root: Path, exe: str, *, contained: bool = False) -> str:
    """A process 7 of ``root``, whose /proc/7/exe leads to ``exe``, a path below ``root``."""
    (root / "proc/7").mkdir(parents=True, exist_ok=True)
    (root / "proc/1").mkdir(exist_ok=True)
    (root / "proc/1/root").symlink_to(root / "node" if contained else root)
    (root / "node").mkdir()
    (root / "proc/7/root").symlink_to(root)
    (root / "proc/7/exe").symlink_to(exe)
    return str(root / "proc")


# The tree's root is not /: the link of /proc/7/exe is relative to it by its absolute name.
def installed(root: Path, content: bytes) -> Path:
    path = root / f".{root}/usr/bin/qemu"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/qemu").hardlink_to(path)
    return path


def test_a_process_runs_what_is_installed(tmp_path: Path) -> None:
    installed(tmp_path, elf(b"1" * 20))
    program = read_program(process(tmp_path, f"{tmp_path}/usr/bin/qemu"), 7)
    assert (program.path, program.replaced) == (f"{tmp_path}/usr/bin/qemu", False)


def test_in_a_container_nobody_knows_what_is_installed(tmp_path: Path) -> None:
    installed(tmp_path, elf(b"1" * 20))
    assert read_program(process(tmp_path, f"{tmp_path}/usr/bin/qemu", contained=True), 7).replaced is None


@pytest.mark.parametrize(("build_id", "replaced"), [(b"2" * 20, True), (b"1" * 20, False), (b"", True)])
def test_a_file_that_was_replaced_is_another_program_unless_it_is_the_same_build(
    tmp_path: Path, build_id: bytes, replaced: bool
) -> None:
    (tmp_path / f".{tmp_path}/usr/bin").mkdir(parents=True)
    (tmp_path / f".{tmp_path}/usr/bin/qemu").write_bytes(elf(build_id))
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/qemu (deleted)").write_bytes(elf(b"1" * 20))
    program = read_program(process(tmp_path, f"{tmp_path}/usr/bin/qemu (deleted)"), 7)
    assert (program.path, program.replaced) == (f"{tmp_path}/usr/bin/qemu", replaced)


def test_a_program_that_was_removed_was_replaced(tmp_path: Path) -> None:
    (tmp_path / "old (deleted)").write_bytes(elf(b"1" * 20))
    assert read_program(process(tmp_path, f"{tmp_path}/old (deleted)"), 7).replaced is True


@pytest.mark.parametrize("before", [0, (1 << 20) - 30, 5 << 20])
def test_the_version_is_what_qemu_calls_itself(tmp_path: Path, before: int) -> None:
    text = b"\0QEMU emulator version 8.2.2 (Debian 1:8.2.2+ds-0ubuntu1.4)\nCopyright (c)"
    (tmp_path / "qemu").write_bytes(bytes(before) + text)
    assert read_version(str(tmp_path / "qemu")) == "8.2.2 (Debian 1:8.2.2+ds-0ubuntu1.4)"


@pytest.mark.parametrize(
    "text", [b"", b"QEMU emulator version %s\n", b"QEMU emulator version 9" + b"9" * 200]
)
def test_another_program_has_no_version(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "qemu").write_bytes(text)
    assert read_version(str(tmp_path / "qemu")) is None


def test_the_build_id_of_a_real_program_and_of_either_byte_order_is_found() -> None:
    found = read_build_id(sys.executable)
    assert found is None or len(found) >= 16
    for order in "<>":
        assert parse_build_id(elf(b"\xab" * 20, order=order)) == b"\xab" * 20
    assert parse_build_id(elf(b"")) is None


@given(st.binary(max_size=300), st.integers(0, 240))
def test_any_bytes_have_a_build_id_or_none(junk: bytes, at: int) -> None:
    whole = elf(b"\xab" * 20)
    assert parse_build_id(junk) is None
    damaged = whole[:at] + junk + whole[at + len(junk) :]
    found = parse_build_id(damaged)
    assert found is None or found in damaged
