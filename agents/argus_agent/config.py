"""The agent's options: agent.conf as oslo.config reads it, checked and turned into plain values."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from oslo_config import cfg

from argus import ini_file
from argus.errors import ConfigError
from argus.zabbix_encryption import TLS_CERT, TLS_PSK, UNENCRYPTED, of_options
from argus_agent.cycle import Allocation
from argus_agent.kernel.cpulist import parse_cpulist
from argus_agent.page_walks import LARGEST_BYTES
from argus_agent.settings import (
    FULL,
    OFF,
    STANDARD,
    Address,
    Settings,
    find_file,
)
from argus_agent.storage import IGNORED_DISKS, IGNORED_MOUNTS, INSTANCES, MOUNTS, Storage

__all__ = ["Address", "ConfigError", "Settings", "find_file", "list_opts", "load", "parse_address"]

MIB = 1024 * 1024
DEFAULT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "host",
        help="Name of this node in Zabbix. Default: this machine's host name. Use the name that Nova "
        "uses ([DEFAULT] host of nova.conf); a changed name makes a new host in Zabbix.",
    ),
    cfg.FloatOpt(
        "interval",
        default=15,
        min=1,
        max=3600,
        help="Seconds between two cycles. Shorter finds trouble sooner and costs more CPU and more rows in "
        "Zabbix.",
    ),
    cfg.BoolOpt("debug", default=False, help="Log more, among it why a collector has no data."),
    cfg.StrOpt(
        "procfs", default="/proc", help="Where the kernel's /proc is; another folder is a recorded machine."
    ),
    cfg.StrOpt("sysfs", default="/sys", help="Where the kernel's /sys is; control groups are below it."),
    cfg.StrOpt(
        "rundir",
        default="/run/libvirt",
        help="libvirt's run directory. Its status files name the processes of guests, also without libvirtd.",
    ),
    cfg.IntOpt(
        "page_walk_mb",
        default=LARGEST_BYTES // MIB,
        min=0,
        help="Where a guest has no control group of its own, or memory in hugetlbfs, only numa_maps and "
        "smaps_rollup tell where its memory is. The kernel walks all page tables for them, 11 ms for each "
        "GiB of 4 KiB pages, while the guest's mmap() waits. They are read in a thread of their own, at most "
        "one every 3 s and 0.2 % of the time, and not of guests that hold more than so many MiB outside of "
        "hugetlbfs. 0: never.",
    ),
]
LIBVIRT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("uri", default="qemu:///system", help="libvirtd to ask; the connection is read-only."),
    cfg.FloatOpt(
        "timeout",
        default=5,
        min=0.1,
        max=300,
        help="Seconds until a call counts as hung. The cycle goes on without guests then; keep it well "
        "below interval.",
    ),
]
ZABBIX_OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        "servers",
        default=[],
        help="Zabbix servers or proxies as host:port, tried in this order. Empty: nothing is sent to Zabbix.",
    ),
    cfg.FloatOpt(
        "timeout",
        default=10,
        min=0.1,
        max=300,
        help="Seconds for one exchange with a server, connecting included.",
    ),
    cfg.StrOpt(
        "guests",
        default=FULL,
        choices=[
            (FULL, "every value of every guest, each interval"),
            (
                STANDARD,
                "once a minute, at once when something happens to it, without its parts, such as vCPUs",
            ),
            (OFF, "no guest is a host in Zabbix; what the node tells of all guests together always goes"),
        ],
        help="How much of the guests goes to Zabbix, which is what large fleets save at; Prometheus has all.",
    ),
    cfg.FloatOpt(
        "resend_seconds",
        default=120,
        min=0,
        max=7200,
        help="What is sent of a host within so many seconds of its arrival is sent once more afterwards: a "
        "proxy may take what the server then drops, as long as both have not read that the host moved. At "
        "least CacheUpdateFrequency of the server (60 by default in 6.0) and ConfigFrequency of its proxies "
        "(3600 by default in 6.0: set it to 60 there). 0 where all nodes send to one server without proxies.",
    ),
    cfg.StrOpt(
        "tls_connect",
        default=UNENCRYPTED,
        choices=[
            (UNENCRYPTED, "nothing is hidden; nodes and guests register themselves"),
            (TLS_PSK, "by the one identity of Zabbix' autoregistration, with which they register themselves"),
            (TLS_CERT, "by certificates; they cannot register: argus zabbix register makes the nodes"),
        ],
        help="As TLSConnect of zabbix_agentd.conf.",
    ),
    cfg.StrOpt("tls_psk_identity", default="", help="As TLSPSKIdentity; the same on all nodes."),
    cfg.StrOpt("tls_psk_file", default="", help="As TLSPSKFile: the key, 32 to 512 hexadecimal digits."),
    cfg.StrOpt("tls_ca_file", default="", help="As TLSCAFile: the authority of the server's certificate."),
    cfg.StrOpt("tls_cert_file", default="", help="As TLSCertFile: this node's certificate."),
    cfg.StrOpt("tls_key_file", default="", help="As TLSKeyFile: its key, without a password."),
    cfg.IntOpt(
        "spool_values",
        default=20000,
        min=100,
        help="Documents kept while Zabbix is away; the oldest are dropped, and counted, beyond that. A cycle "
        "makes one for the node and one for each guest.",
    ),
    cfg.StrOpt(
        "spool_file",
        default="/var/lib/argus/spool.sqlite",
        help="File that keeps them, so that they survive the agent. Empty: in memory only. While the file "
        "cannot be written (disk full, read-only) the agent says so and keeps them in memory.",
    ),
    cfg.IntOpt(
        "spool_mb",
        default=256,
        min=1,
        help="Size of that file at most, in MiB. A document takes about 1 kB there.",
    ),
]
PROMETHEUS_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "listen",
        default="127.0.0.1:9752",
        help="address:port of /metrics. Empty: off. There is no password: listen on a management address "
        "only.",
    ),
]
ALLOCATION_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "reserved_cpus",
        default="",
        help="CPUs kept from guests, as a list such as 0-3,16. They do not count as usable in overcommit "
        "ratios.",
    ),
    cfg.StrOpt(
        "dedicated_cpus",
        default="",
        help="CPUs that guests with pinned vCPUs have to themselves (hw:cpu_policy=dedicated), as a list; as "
        "Nova's [compute] cpu_dedicated_set. They and the vCPUs pinned to them are Placement's PCPU, and "
        "count in no figure of vCPUs that share CPUs, whether they are online or not.",
    ),
    cfg.IntOpt(
        "reserved_memory_mb",
        default=512,
        min=0,
        help="Memory kept from guests; as Nova's reserved_host_memory_mb.",
    ),
    cfg.FloatOpt(
        "cpu_allocation_ratio",
        default=4.0,
        min=0.01,
        help="vCPUs for each usable CPU; as Nova's option of this name.",
    ),
    cfg.FloatOpt(
        "ram_allocation_ratio", default=1.0, min=0.01, help="Memory promised for each byte; as Nova's option."
    ),
]
AUDIT_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "profile",
        default="",
        help="The tuning that was agreed on, a YAML file as in etc/profiles: argus-agent audit and "
        "the audit metrics compare the node and its guests with it. Empty: no audit metrics.",
    ),
]
UNITS_OPTS: list[cfg.Opt] = [
    cfg.ListOpt(
        "watch",
        default=[
            "libvirtd.service",
            "virtqemud.service",
            "nova-compute.service",
            "openstack-nova-compute.service",
            "neutron-*-agent.service",
            "ovn-controller.service",
            "ovs-vswitchd.service",
            "ovsdb-server.service",
            "ceph-osd@*.service",
            "chrony.service",
            "chronyd.service",
        ],
        help="Services that must run on this node, as systemd names them; * stands for any text. A service "
        "is missed when it is enabled, or ran since the agent started, and has no process; one that ends "
        "when its work is done (Type=oneshot) is not told of. Empty: none.",
    ),
]
STORAGE_OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        "instances_path",
        default=INSTANCES,
        help="As Nova's option of this name: the file system that holds it is the one whose lack of space "
        "pauses guests. Empty: none.",
    ),
    cfg.ListOpt(
        "mounts",
        default=list(MOUNTS),
        help="Mount points whose space and inodes are measured; * stands for any text. Only file systems "
        "with space of their own count, each device once; the one that holds instances_path always does.",
    ),
    cfg.ListOpt(
        "ignore_mounts",
        default=list(IGNORED_MOUNTS),
        help="Mount points that are left out of those; * stands for any text.",
    ),
    cfg.ListOpt(
        "ignore_disks",
        default=list(IGNORED_DISKS),
        help="Disks that are left out, by the kernel's name or device mapper's; * stands for any text. By "
        "default logical volumes that Cinder and Nova make for guests, and the inner parts of thin pools.",
    ),
]
GROUPS: dict[str, list[cfg.Opt]] = {
    "DEFAULT": DEFAULT_OPTS,
    "libvirt": LIBVIRT_OPTS,
    "zabbix": ZABBIX_OPTS,
    "prometheus": PROMETHEUS_OPTS,
    "allocation": ALLOCATION_OPTS,
    "audit": AUDIT_OPTS,
    "units": UNITS_OPTS,
    "storage": STORAGE_OPTS,
}


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return all options by group, for oslo-config-generator."""
    return list(GROUPS.items())


def load(path: Path | None) -> Settings:
    """Read a file, or the defaults without one.  Raises ``ConfigError``."""
    where = str(path or "defaults")
    conf = cfg.ConfigOpts()
    for group, opts in GROUPS.items():
        conf.register_opts(opts, group=None if group == "DEFAULT" else group)
    known = {group: {opt.dest for opt in opts} for group, opts in GROUPS.items()}
    try:
        if path is not None:
            ini_file.check(path, known)
        ini_file.check_environment(known)
        conf(args=[], default_config_files=[str(path)] if path else [], default_config_dirs=[])
        values = {name: conf if name == "DEFAULT" else conf[name] for name in GROUPS}
        flat = {(name, opt.name): values[name][opt.name] for name, opts in GROUPS.items() for opt in opts}
    except ini_file.IniError as error:
        raise ConfigError(str(error)) from error
    except (cfg.Error, ValueError, OSError) as error:
        raise ConfigError(f"{where}: {_one_line(error)}") from error
    try:
        return _settings(flat)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def parse_address(text: str, option: str) -> Address:
    """Read ``host:port`` or ``[v6]:port``.  Raises ``ValueError`` that names the option."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{option} = {text}: expected address:port, such as 127.0.0.1:10051")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


def _settings(values: dict[tuple[str, str], object]) -> Settings:
    """Build the settings.  Raises ``ValueError`` that names the option."""

    def text(group: str, name: str) -> str:
        return str(values[group, name] or "").strip()

    def number(group: str, name: str) -> float:
        return float(str(values[group, name]))

    servers = values["zabbix", "servers"]
    listen = text("prometheus", "listen")
    zabbix = {name: value for (section, name), value in values.items() if section == "zabbix"}
    return Settings(
        host=text("DEFAULT", "host") or socket.gethostname(),
        interval=number("DEFAULT", "interval"),
        debug=bool(values["DEFAULT", "debug"]),
        procfs=_folder(text("DEFAULT", "procfs"), "[DEFAULT] procfs"),
        sysfs=_folder(text("DEFAULT", "sysfs"), "[DEFAULT] sysfs"),
        rundir=Path(text("DEFAULT", "rundir")),
        page_walk_bytes=int(number("DEFAULT", "page_walk_mb")) * MIB,
        libvirt_uri=text("libvirt", "uri"),
        libvirt_timeout=number("libvirt", "timeout"),
        servers=tuple(
            parse_address(str(server), "[zabbix] servers")
            for server in (servers if isinstance(servers, list) else ())
        ),
        zabbix_timeout=number("zabbix", "timeout"),
        tls=of_options(zabbix),
        guests=text("zabbix", "guests"),
        resend_seconds=number("zabbix", "resend_seconds"),
        spool_values=int(number("zabbix", "spool_values")),
        spool_file=_path(text("zabbix", "spool_file")),
        spool_bytes=int(number("zabbix", "spool_mb")) * MIB,
        listen=parse_address(listen, "[prometheus] listen") if listen else None,
        allocation=Allocation(
            reserved_cpus=_cpus(text("allocation", "reserved_cpus"), "reserved_cpus"),
            dedicated_cpus=_cpus(text("allocation", "dedicated_cpus"), "dedicated_cpus"),
            reserved_memory_bytes=int(number("allocation", "reserved_memory_mb")) * MIB,
            cpu_ratio=number("allocation", "cpu_allocation_ratio"),
            ram_ratio=number("allocation", "ram_allocation_ratio"),
        ),
        audit_profile=_path(text("audit", "profile")),
        units=_list(values["units", "watch"]),
        storage=Storage(
            instances=text("storage", "instances_path"),
            mounts=_list(values["storage", "mounts"]),
            ignored_mounts=_list(values["storage", "ignore_mounts"]),
            ignored_disks=_list(values["storage", "ignore_disks"]),
        ),
    )


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _list(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def _folder(text: str, option: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise ValueError(f"{option} = {text}: no such folder")
    return path


def _cpus(text: str, option: str) -> frozenset[int]:
    try:
        return parse_cpulist(text)
    except ValueError as error:
        raise ValueError(f"[allocation] {option}: {error}") from error


def _one_line(error: BaseException) -> str:
    """Without oslo.config's inner names: the file is named anyway."""
    return re.sub(r" from LocationInfo\(.*?\)(?= is not)", "", " ".join(str(error).split()))
