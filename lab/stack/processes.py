"""Processes of the lab: in sessions of their own, recorded, stopped only while they are the recorded ones.

A record holds the pid, the start time from /proc/PID/stat and the boot id: a reused pid is left alone.
"""

from __future__ import annotations

import json
import os
import pwd
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import DownError, LabError
from stack.polling import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of /proc/PID/stat (proc(5)) that tell one process from another."""

    state: str
    session: int
    started: int  # clock ticks after boot

    @classmethod
    def of(cls, pid: int) -> Stat | None:
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = text[text.rindex(")") + 2 :].split()  # the command name may hold spaces and brackets
        return cls(state=fields[0], session=int(fields[3]), started=int(fields[19]))


@dataclass(frozen=True, slots=True)
class Record:
    pid: int
    started: int
    boot: str
    fingerprint: str = ""

    def stat(self) -> Stat | None:
        """The recorded process as it is now; None when it is gone (a zombie is gone)."""
        stat = Stat.of(self.pid)
        if stat is None or stat.started != self.started or stat.state in "ZX":
            return None
        return stat if BOOT_ID.read_text().strip() == self.boot else None

    def session_members(self) -> list[int]:
        """Pids that live in the session of the record: workers outlive a killed master (php -S does)."""
        stat = Stat.of(self.pid)
        if (stat is not None and stat.started != self.started) or BOOT_ID.read_text().strip() != self.boot:
            return []  # the pid belongs to somebody else now, and with it the session number
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        stats = {pid: Stat.of(pid) for pid in pids}
        return [pid for pid, s in stats.items() if s and s.session == self.pid and s.state not in "ZX"]


class Processes:
    """Starts, finds and stops the lab's processes by name."""

    def __init__(self, run: Path) -> None:
        self._records = run / "processes"
        self._logs = run / "log"
        self.started: list[str] = []  # by this very command, in order

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def names(self) -> list[str]:
        return sorted(path.stem for path in self._records.glob("*.json"))

    def pid(self, name: str) -> int | None:
        """The pid of a recorded process that still runs."""
        record = self._record(name)
        return record.pid if record and record.stat() else None

    def start(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "root",
        fingerprint: str = "",
    ) -> None:
        """Start a daemon in a session of its own; output goes to its log.

        One that runs stays, unless the fingerprint of what it was made from has changed since.
        """
        record = self._record(name)
        if record and record.stat() and record.fingerprint == fingerprint:
            return
        self.stop(name)  # also the workers of a dead master: they hold its port
        self._records.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        log = os.open(self.log(name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            pid = os.posix_spawnp(  # not Popen: these processes are meant to outlive this one
                "env",
                ["env", "--chdir=/", *as_user(user, self._records), *map(str, argv)],
                {**inherited, "LANG": "C.UTF-8", **(env or {})},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, log, 1),
                    (os.POSIX_SPAWN_DUP2, log, 2),
                ],
                setsid=True,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # which Python ignores
            )
        finally:
            os.close(log)
        stat = Stat.of(pid)
        assert stat, "our own child is at least a zombie until we wait for it"
        record = Record(pid, stat.started, BOOT_ID.read_text().strip(), fingerprint)
        (self._records / f"{name}.json").write_text(json.dumps(asdict(record)))
        self.started.append(name)

    def wait_ready(self, name: str, check: Callable[[], str], timeout: float = 30) -> str:
        """Wait until a started daemon works, and say what its check says.

        Raises LabError with its log when it ended, or did not answer in time.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                return check()
            except DownError as down:
                if not self.pid(name):
                    raise LabError(f"{name} ended right after its start", self.log(name)) from None
                if time.monotonic() >= end:
                    raise LabError(f"{name}: {down}, for {timeout:g} s now", self.log(name)) from None
            time.sleep(0.1)

    def stop(self, name: str, sign: signal.Signals = signal.SIGTERM, timeout: float = 15) -> None:
        """Ask the recorded process to end, then what is left of its session; SIGKILL after `timeout` s."""
        record = self._record(name)
        if record is None:
            return
        if record.stat():
            os.kill(record.pid, signal.SIGCONT)  # a stopped process would not see the signal below
            os.kill(record.pid, sign)
            wait_until(lambda: not record.stat(), timeout, every=0.05)
        for last in (signal.SIGTERM, signal.SIGKILL):
            for pid in record.session_members():
                signal_pid(pid, last)
            if wait_until(lambda: not record.session_members(), 3, every=0.05):
                break
        (self._records / f"{name}.json").unlink(missing_ok=True)

    def members(self, name: str) -> list[int]:
        """The recorded process and its workers, as far as they live."""
        record = self._record(name)
        return record.session_members() if record else []

    def _record(self, name: str) -> Record | None:
        try:
            return Record(**json.loads((self._records / f"{name}.json").read_text()))
        except FileNotFoundError:
            return None


def signal_pid(pid: int, sign: signal.Signals) -> None:
    """Send a signal; a process that has just ended is what we wanted."""
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return


def as_user(user: str, path: Path) -> list[str]:
    """The command prefix that runs a program as a package's Unix user (PostgreSQL and Zabbix refuse root).

    Where that user cannot pass through the directories above `path` (a clone below /root), it keeps the one
    capability that lets it; no_setuid_fixup makes access(2), which Zabbix asks first, respect that too.
    """
    if user == "root":
        return []
    group = str(pwd.getpwnam(user).pw_gid)
    prefix = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
    if all(parent.stat().st_mode & 0o001 for parent in path.parents):
        return prefix
    capability = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return [*prefix, *capability, "--securebits=+no_setuid_fixup"]
