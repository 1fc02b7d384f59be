"""What libvirt says about guests, as plain values: nothing here imports or calls libvirt."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argus_agent.kernel.domain import Size, parse_size, understood
from argus_agent.kernel.numbers import count

if TYPE_CHECKING:
    from collections.abc import Mapping

NOSTATE, RUNNING, BLOCKED, PAUSED, SHUTDOWN, SHUTOFF, CRASHED, PMSUSPENDED = range(8)
PAUSED_MIGRATION, PAUSED_IOERROR, PAUSED_STARTING, PAUSED_POSTCOPY = 2, 5, 11, 12
SHUTOFF_MIGRATED = 4

_NOVA = "{http://openstack.org/xmlns/libvirt/nova/"  # 1.0 and 1.1 are both about


@dataclass(frozen=True, slots=True)
class Nova:
    """What Nova writes into a domain's metadata; empty where it did not."""

    name: str = ""
    flavor: str = ""
    project: str = ""
    project_name: str = ""
    user_name: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface: ``kind`` is libvirt's type, ``source`` the bridge or network."""

    mac: str
    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk: ``limits`` are those of <iotune> that are set, by its words (bytes or operations per second).

    ``group`` shares them with other disks of the guest that name it; ``filters`` are further groups, whose
    limits the domain has.  ``overlays`` is the length of its chain of backing images.  ``counted``: QEMU
    counts its I/O, which it does not for vhost-user and for drives without a medium.  Texts are empty where
    the XML has none.
    """

    serial: str = ""
    cache: str = ""
    io: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    overlays: int = 0
    group: str = ""
    filters: tuple[str, ...] = ()
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Definition:
    """What Argus needs of a domain's XML; ``nics`` by device on the node, ``disks`` by target device.

    ``agent_connected`` is ``None`` where the guest has no channel for the QEMU guest agent.  ``groups`` are
    the limits of <throttlegroups> by name.
    """

    nova: Nova = Nova()
    nics: Mapping[str, Nic] = field(default_factory=dict)
    disks: Mapping[str, Disk] = field(default_factory=dict)
    balloon_period: int = 0
    iothreads: int = 0
    agent_connected: bool | None = None
    size: Size = field(default_factory=Size)
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guest:
    """One domain in one answer of libvirt.  ``running_id`` is -1 while it is off; ``stats`` are flat.

    ``read_at`` is when the call that told the statistics returned, on the monotonic clock.
    """

    uuid: str
    name: str
    running_id: int = -1
    stats: Mapping[str, float | str] = field(default_factory=dict)
    definition: Definition | None = None
    read_at: float | None = None

    @property
    def state(self) -> int:
        """The virDomainState; 0 when it was not told."""
        return int(self.stats.get("state.state", NOSTATE))

    @property
    def reason(self) -> int:
        """The reason for it, which means something only together with the state."""
        return int(self.stats.get("state.reason", 0))

    @property
    def active(self) -> bool:
        """Whether there is a QEMU process."""
        return self.state not in (NOSTATE, SHUTOFF, CRASHED)

    @property
    def here(self) -> bool:
        """Whether this node answers for the guest, rather than another that it comes from or went to."""
        if self.state == PAUSED:
            return self.reason not in (PAUSED_MIGRATION, PAUSED_STARTING, PAUSED_POSTCOPY)
        return self.state != NOSTATE and (self.state, self.reason) != (SHUTOFF, SHUTOFF_MIGRATED)

    @property
    def passed_over(self) -> bool:
        """Whether libvirt left out, silently, what only QEMU's monitor knows: somebody else was asking it."""
        if "block.0.rd.reqs" in self.stats:  # nearly always
            return False
        return self.untold and any(self._is_counted(*disk) for disk in self.entries("block"))

    @property
    def untold(self) -> bool:
        """Whether it has disks, and no numbers came of any: passed over, or none of them is counted."""
        disks = self.entries("block")
        read = any(self.number(f"block.{number}.rd.reqs") is not None for number, _ in disks)
        return self.active and bool(disks) and not read

    def _is_counted(self, number: int, name: str) -> bool:
        disk = self.definition.disks.get(name) if self.definition else None
        if disk is not None:
            return disk.counted
        # As libvirt tells of vhost-user: a number of its image, and not where that is.
        return f"block.{number}.backingIndex" not in self.stats or f"block.{number}.path" in self.stats

    def number(self, key: str, scale: float = 1) -> float | None:
        """Return a statistic times ``scale``; ``None`` when libvirt did not give it: unknown, not 0."""
        value = self.stats.get(key)
        if value is None or isinstance(value, str):
            return None
        return value if scale == 1 else value * scale

    def image(self, number: int) -> tuple[float | str | None, ...]:
        """Return what tells the image of an entry of ``block`` from one that had its name before.

        libvirt gives each image that it attaches a number of its own (since 6.0).
        """
        return tuple([self.stats.get(f"block.{number}.{key}") for key in ("backingIndex", "path")])

    def entries(self, group: str) -> tuple[tuple[int, str], ...]:
        """Return number and name of each entry of ``block`` or ``net``."""
        count = int(self.stats.get(f"{group}.count", 0))
        names = [self.stats.get(f"{group}.{n}.name") for n in range(count)]
        return tuple([(n, str(name)) for n, name in enumerate(names) if name is not None])


@dataclass(frozen=True, slots=True)
class Events:
    """Events since the agent began to listen: by guest and kind, and in all.

    ``jobs`` has the final statistics of each guest's last job; ``lost`` could not be kept.
    """

    listening: bool
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    jobs: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    received: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Detail:
    """What is asked of few guests: statistics of a job under way, errors by disk (``None``: not asked)."""

    job: Mapping[str, float | str] = field(default_factory=dict)
    disk_errors: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A storage pool; sizes in bytes, as of libvirt's last refresh of it."""

    name: str
    state: int
    capacity: int
    allocation: int
    available: int


@dataclass(frozen=True, slots=True)
class SlowFacts:
    """What is asked every few minutes; ``at`` is on the monotonic clock.

    ``pools`` is ``None`` where libvirt has no storage driver, or they are not known; ``dirty_rates`` are in
    bytes per second; ``hypervisor`` is what new guests get, which changes under an open connection.
    ``read_at`` says when ``pools``, ``snapshots``, ``dirty_rate`` and ``version`` were asked for.
    """

    at: float
    pools: tuple[Pool, ...] | None = None
    snapshots: Mapping[str, int] = field(default_factory=dict)
    dirty_rates: Mapping[str, float] = field(default_factory=dict)
    hypervisor: str = ""
    read_at: Mapping[str, float] = field(default_factory=dict)

    def when(self, kind: str) -> float:
        """Return the time of one of them, on the monotonic clock."""
        return self.read_at.get(kind, self.at)


@dataclass(frozen=True, slots=True)
class LibvirtView:
    """What came of asking libvirt in one cycle.

    ``guests`` is ``None`` when they are not known; ``complete`` is false when a QEMU hangs: of such guests,
    ``hung``, ``unresponsive`` in number, only the groups that need no QEMU are there.  ``at`` is when the
    answer came, on the monotonic clock; times are in seconds.  ``events`` is ``None`` before any could be
    listened to; ``calls`` says how long the last call of each kind took, ``failures`` how many of each
    kind failed since the agent started.  ``broken``: it is the agent that failed, so that it is not known
    whether libvirtd answers.
    """

    up: bool
    error: str = ""
    guests: tuple[Guest, ...] | None = None
    complete: bool = False
    at: float = 0.0
    call_seconds: float | None = None
    last_success_age: float | None = None
    unresponsive: int | None = None
    hung: frozenset[str] = frozenset()
    version: str = ""
    hypervisor: str = ""
    events: Events | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
    slow: SlowFacts | None = None
    calls: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    broken: bool = False


NOT_ASKED = LibvirtView(up=False, error="libvirt was not asked")


def parse_definition(xml: str) -> Definition:
    """Read a domain's XML.  Raises ``ValueError`` when it is none."""
    try:
        root = ET.fromstring(xml)  # noqa: S314 -- libvirtd wrote it, which runs as root on this node
    except ET.ParseError as error:
        raise ValueError(f"libvirt gave a domain that is not XML: {error}") from error
    period = root.find("devices/memballoon/stats")
    return Definition(
        nova=_nova(root.find("metadata")),
        nics=dict(filter(None, map(_nic, root.iterfind("devices/interface")))),
        disks=dict(map(_disk, root.iterfind("devices/disk[target]"))),
        balloon_period=_number(period.get("period") if period is not None else None),
        iothreads=_number(root.findtext("iothreads")),
        agent_connected=_agent_connected(root),
        size=understood(parse_size, root, Size()),
        groups={
            group.findtext("group_name", ""): _limits(group)
            for group in root.iterfind("throttlegroups/throttlegroup")
        },
    )


def _number(text: str | None) -> int:
    return count((text or "").strip()) or 0


def _disk(element: ET.Element) -> tuple[str, Disk]:
    target, driver, tune = (element.find(tag) for tag in ("target", "driver", "iotune"))
    words = driver.attrib if driver is not None else {}
    disk = Disk(
        serial=element.findtext("serial", ""),
        cache=words.get("cache", ""),
        io=words.get("io", ""),
        limits=_limits(tune) if tune is not None else {},
        overlays=_overlays(element),
        group=tune.findtext("group_name", "").strip() if tune is not None else "",
        filters=tuple(each.get("group", "") for each in element.iterfind("throttlefilters/throttlefilter")),
        counted=element.get("type") != "vhostuser" and not _is_empty(element),
    )
    return target.get("dev", "") if target is not None else "", disk


def _is_empty(disk: ET.Element) -> bool:
    return disk.get("device") in ("cdrom", "floppy") and disk.find("source") is None


def _limits(element: ET.Element) -> dict[str, int]:
    """Limits that are set: 0 is no limit."""
    found = {limit.tag: _number(limit.text) for limit in element if limit.tag != "group_name"}
    return {name: value for name, value in found.items() if value}


def _overlays(disk: ET.Element) -> int:
    """Images below the disk's own; the chain of a <mirror> that it is copied to is not the disk's."""
    count = 0
    store = disk.find("backingStore")
    while store is not None and store.find("source") is not None:
        count += 1
        store = store.find("backingStore")
    return count


def _agent_connected(root: ET.Element) -> bool | None:
    for target in root.iterfind("devices/channel/target[@name='org.qemu.guest_agent.0']"):
        return target.get("state") == "connected"
    return None


def _nic(element: ET.Element) -> tuple[str, Nic] | None:
    mac, target, source = (element.find(tag) for tag in ("mac", "target", "source"))
    if mac is None or target is None or not target.get("dev"):
        return None  # user networking and inactive domains have no device on the node
    words = ("bridge", "network", "dev", "path")
    where = (
        next((source.get(word, "") for word in words if source.get(word)), "") if source is not None else ""
    )
    return target.get("dev", ""), Nic(mac.get("address", ""), element.get("type", ""), where)


def _nova(metadata: ET.Element | None) -> Nova:
    instance = next(
        (e for e in metadata or () if e.tag.startswith(_NOVA) and e.tag.endswith("}instance")), None
    )
    if instance is None:
        return Nova()
    space = instance.tag.removesuffix("instance")
    flavor, project, root = (
        instance.find(space + path) for path in ("flavor", f"owner/{space}project", "root")
    )
    return Nova(
        name=instance.findtext(space + "name", "").strip(),
        flavor=flavor.get("name", "") if flavor is not None else "",
        project=project.get("uuid", "") if project is not None else "",
        project_name=(project.text or "").strip() if project is not None else "",
        user_name=instance.findtext(f"{space}owner/{space}user", "").strip(),
        image=root.get("uuid", "") if root is not None and root.get("type") == "image" else "",
    )
