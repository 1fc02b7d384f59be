"""The agent's configuration as plain values, and where its file is; reading it is config's work.

The daemon keeps this module and not oslo.config, which with what it imports takes 6 MB.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path

from argus.errors import ConfigError
from argus.zabbix_encryption import Tls
from argus_agent.cycle import Allocation
from argus_agent.page_walks import LARGEST_BYTES
from argus_agent.storage import Storage

FULL, STANDARD, OFF = "full", "standard", "off"
DEFAULT_FILE = "/etc/argus/agent.conf"
ENVIRONMENT = "ARGUS_AGENT_CONFIG"


@dataclass(frozen=True, slots=True)
class Address:
    """A TCP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """The agent's configuration.  Times are in seconds; ``listen`` is ``None`` when Prometheus is off."""

    host: str
    interval: float = 15.0
    debug: bool = False
    procfs: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    rundir: Path = Path("/run/libvirt")
    page_walk_bytes: int = LARGEST_BYTES
    libvirt_uri: str = "qemu:///system"
    libvirt_timeout: float = 5.0
    servers: tuple[Address, ...] = ()
    zabbix_timeout: float = 10.0
    tls: Tls = field(default_factory=Tls)
    guests: str = FULL
    resend_seconds: float = 120.0
    spool_values: int = 20000
    spool_file: Path | None = None
    spool_bytes: int = 256 * 1024 * 1024
    listen: Address | None = None
    allocation: Allocation = field(default_factory=Allocation)
    audit_profile: Path | None = None
    units: tuple[str, ...] = ()
    storage: Storage = field(default_factory=Storage)


def find_file(option: str | None) -> Path | None:
    """Return the file to read: the option's, else the environment's, else the default if it exists.

    Raises ``ConfigError`` when a file that was asked for is not there.
    """
    asked = option or os.environ.get(ENVIRONMENT)
    if asked:
        path = Path(asked)
        if not path.is_file():
            where = "--config-file" if option else f"environment variable {ENVIRONMENT}"
            raise ConfigError(f"{path}: no such file ({where} names it)")
        return path
    path = Path(DEFAULT_FILE)
    return path if path.is_file() else None


def load_apart(path: Path | None) -> Settings:
    """Read the configuration in a child process, so that what that needs does not stay in memory.

    Only for a process that has no threads yet.  Raises ``ConfigError``.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writer, "wb") as answer:
            pickle.dump(_load(path), answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    loaded = pickle.loads(text) if text else ConfigError("the process that reads it was killed")  # noqa: S301 -- our child wrote it
    if isinstance(loaded, Settings):
        return loaded
    raise loaded


def _load(path: Path | None) -> Settings | Exception:
    from argus_agent.config import load  # noqa: PLC0415 -- this is what shall not stay

    try:
        return load(path)
    except Exception as error:  # noqa: BLE001 -- raised in the parent
        return error
