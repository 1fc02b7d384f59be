"""Which network interfaces are the node's own, from /sys/class/net.

Documentation/ABI/testing/sysfs-class-net, https://docs.kernel.org/networking/representors.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from argus_agent.kernel.files import read

if TYPE_CHECKING:
    from pathlib import Path

# Ports of a NIC's own switch that lead to a function of the PCI device: pf0vf3, c1pf0vf3, pf0sf88, p0pf0vf1,
# and on the NIC's own processor pf0hpf.  A port that leads to a cable is p0, p0s1 or the driver's own word.
_TO_FUNCTION = re.compile(r"(?:pf|vf|sf)[0-9]|hpf")
_SUBFUNCTION = re.compile(r"\.sf\.[0-9]+$")
_TEAM = re.compile(r"team[0-9]+")
_OTHER_MASTERS = ("bridge", "tun_flags")  # folders and files that a team does not have
_OTHER_KINDS = frozenset({"bridge", "vlan", "vrf", "vxlan", "macvlan", "ipvlan", "hsr", "dsa", "wlan"})
_OPENVSWITCH = "ovs-system"
"""Of all datapaths in the kernel: interfaces and guests' ports alike are below it, as below a team."""


def is_of_node(folder: Path) -> bool:
    """Whether an interface is one that all guests share: a port, a bond or a team, rather than a guest's.

    Virtual functions and subfunctions are guests'; their representors show the packets of guests.
    """
    if (folder / "bonding").is_dir():  # `bonding_masters` beside it is a file
        return True
    device = folder / "device"
    if not device.exists():
        return _is_team(folder)
    if (device / "physfn").exists() or _SUBFUNCTION.search(device.resolve().name):
        return False
    return not _is_representor(folder)


def _is_representor(folder: Path) -> bool:
    port, switch = (_word(folder / name) for name in ("phys_port_name", "phys_switch_id"))
    if port:
        return bool(_TO_FUNCTION.search(port))
    # Without a name of its port only the interface's name can tell it from the one with the cable.
    return bool(switch and _TO_FUNCTION.search(folder.name))


def _is_team(folder: Path) -> bool:
    """Whether it is a team, of which the kernel says little: it is the master of what is below it."""
    kind = _kind(folder)
    if kind == "team":
        return True
    if kind in _OTHER_KINDS or folder.name == _OPENVSWITCH:
        return False
    if any((folder / name).exists() for name in _OTHER_MASTERS):
        return False
    below = [lower.resolve() for lower in folder.glob("lower_*")]
    if not below:  # every port was taken out; teamd names are all there is to go by
        return bool(_TEAM.fullmatch(folder.name))
    return all((lower / "master").resolve().name == folder.name for lower in below)


def _kind(folder: Path) -> str:
    for line in _word(folder / "uevent").splitlines():
        if line.startswith("DEVTYPE="):
            return line.removeprefix("DEVTYPE=").strip()
    return ""


def _word(path: Path) -> str:
    """The text of a file that most drivers do not have, or refuse with EOPNOTSUPP; empty then."""
    try:
        return read(str(path)).strip()
    except OSError:
        return ""
