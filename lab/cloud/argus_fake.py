"""A nova virt driver without a hypervisor, for the lab: nova's own fake, made to behave as a node does.

Nova loads drivers from its own package only, so the lab copies this file to nova/virt/ of its OpenStack venv.
What a node has of its own, the fake lacks: a size, guests that outlive a restart of nova-compute, an uptime.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nova.conf
from nova.virt import fake

if TYPE_CHECKING:
    from collections.abc import Callable

CONF = nova.conf.CONF
# vCPUs, MiB of memory, GiB of disk
SIZES = {"cmp1": (16, 32768, 500), "cmp2": (32, 65536, 1000), "cmp3": (64, 262144, 2000)}


class Guests(dict[str, Any]):
    """The guests of a node, by UUID; calls `keep` after each one that came or went."""

    def __init__(self, keep: Callable[[], None]) -> None:
        super().__init__()
        self._keep = keep

    def __setitem__(self, uuid: str, guest: Any) -> None:
        super().__setitem__(uuid, guest)
        self._keep()

    def __delitem__(self, uuid: str) -> None:
        super().__delitem__(uuid)
        self._keep()


class ArgusFakeDriver(fake.FakeDriverWithoutFakeNodes):  # type: ignore[misc]  # nova ships no types
    """One node of the size that its name has in SIZES; its guests are in state_path/guests.json."""

    def __init__(self, virtapi: Any, read_only: bool = False) -> None:
        self.vcpus, self.memory_mb, self.local_gb = SIZES[CONF.host]
        super().__init__(virtapi, read_only)
        self._file = Path(CONF.state_path) / "guests.json"
        self.instances = Guests(self._keep)
        if self._file.exists():
            kept = json.loads(self._file.read_text())
            self.instances.update({uuid: fake.FakeInstance(*of) for uuid, of in kept["guests"].items()})
            self.resources.claim(**kept["claimed"])

    def power_off(self, *args: Any, **kwargs: Any) -> None:
        super().power_off(*args, **kwargs)
        self._keep()

    def power_on(self, *args: Any, **kwargs: Any) -> None:
        super().power_on(*args, **kwargs)
        self._keep()

    def get_host_uptime(self) -> str:
        """In the words of uptime(1), which is what libvirt's driver gives."""
        seconds = int(float(Path("/proc/uptime").read_text().split()[0]))
        days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
        return (
            f" 00:00:00 up {days} days, {hours:02d}:{minutes:02d},  0 users,  load average: 0.10, 0.20, 0.30"
        )

    def _keep(self) -> None:
        used = self.resources
        claimed = {"vcpus": used.vcpus_used, "mem": used.memory_mb_used, "disk": used.local_gb_used}
        guests = {uuid: (guest.name, guest.state, uuid) for uuid, guest in self.instances.items()}
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"guests": guests, "claimed": claimed}))
        fresh.replace(self._file)
