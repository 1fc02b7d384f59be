"""Which of the mounts of a node are file systems with space of their own."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.mounts import (
    Mount,
    choose,
    file_systems,
    follow,
    holder,
    parse_mountinfo,
    visible,
)

ROOT = "27 1 253:1 / / rw,relatime shared:1 - xfs /dev/vg0/root rw,attr2"


def mounts(*lines: str) -> list[Mount]:
    return parse_mountinfo("\n".join((ROOT, *lines)) + "\n")


def points(found: list[Mount]) -> list[str]:
    return sorted(mount.point for mount in found)


def test_a_line_has_any_number_of_optional_fields_and_escaped_spaces() -> None:
    _, one, two = mounts(
        r"30 27 0:41 / /srv/a\040b\134c rw - nfs4 nas:/my\040export ro,vers=4.2",
        "31 27 8:2 /sub /x rw,noatime shared:2 master:1 propagate_from:3 unbindable - ext4 /dev/sda2 rw",
    )
    assert (one.point, one.source, one.kind) == (r"/srv/a b\c", "nas:/my export", "nfs4")
    assert "ro" in one.super_options
    assert "ro" not in one.options
    assert (two.root, two.point, two.device) == ("/sub", "/x", "8:2")


def test_a_source_may_be_empty_and_an_odd_line_costs_itself() -> None:
    found = mounts("30 27 0:41 / /srv rw - ceph  rw", "broken", "x 27 8:1 / /y rw - ext4 /dev/sda1 rw", "")
    assert points(found) == ["/", "/srv"]
    assert found[1].source == ""


def test_pseudo_file_systems_layers_and_images_have_no_space_of_their_own() -> None:
    found = mounts(
        "28 27 0:5 / /proc rw - proc proc rw",
        "29 27 0:6 / /run rw - tmpfs tmpfs rw",
        "30 27 0:7 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw",
        "31 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro",
        "32 27 0:9 / /mnt/glance rw - fuse.glusterfs g1:/glance rw",
    )
    assert points(file_systems(found)) == ["/", "/mnt/glance"]


def test_what_was_mounted_over_is_not_asked_nor_what_is_below_it() -> None:
    found = mounts(
        "30 27 8:1 / /srv rw - ext4 /dev/sda1 rw",
        "31 30 8:2 / /srv/old rw - ext4 /dev/sda2 rw",
        "32 30 8:3 / /srv rw - ext4 /dev/sda3 rw",  # over the first one
        "33 27 8:4 / /data/inner rw - ext4 /dev/sda4 rw",
        "34 27 8:5 / /data rw - ext4 /dev/sda5 rw",  # hides the one before
        "35 27 8:6 / /database rw - ext4 /dev/sda6 rw",  # begins like it and is another
    )
    assert points(visible(found)) == ["/", "/data", "/database", "/srv"]
    assert {mount.device for mount in visible(found) if mount.point == "/srv"} == {"8:3"}


def test_mounts_in_any_order_and_thousands_over_each_other_are_followed() -> None:
    stack = [f"{100 + n} {99 + n} 0:{n} / / rw - xfs d{n} rw" for n in range(1, 3000)]
    found = parse_mountinfo("\n".join(["100 1 0:0 / / rw - xfs d0 rw", *reversed(stack)]))
    assert [mount.device for mount in visible(found)] == ["0:2999"]


def test_an_automounters_mounts_are_left_alone_unless_they_stay() -> None:
    found = mounts(
        "40 27 0:50 / /misc rw - autofs /etc/auto.misc rw,fd=6,timeout=300,indirect",
        "41 40 0:51 / /misc/iso rw - nfs4 nas:/iso rw",
        "42 27 0:52 / /srv/nova rw - autofs systemd-1 rw,fd=29,timeout=0,direct",
        "43 42 0:53 / /srv/nova rw - nfs4 nas:/nova rw",
        "44 27 0:54 / /net/idle rw - autofs systemd-1 rw,fd=30,timeout=0,direct",
    )
    assert points(file_systems(found)) == ["/", "/srv/nova"]


def test_a_device_counts_once_by_its_shortest_mount_that_is_wanted() -> None:
    found = file_systems(
        mounts(
            "30 27 9:127 / /srv/nova rw - ext4 /dev/md127 rw",
            "31 27 9:127 /instances /var/lib/nova/instances rw - ext4 /dev/md127 rw",
            "32 27 253:1 /log /var/log rw - xfs /dev/vg0/root rw",
        )
    )
    assert points(choose(found, ["*"], [], None)) == ["/", "/srv/nova"]
    assert points(choose(found, ["/var/*"], [], None)) == ["/var/lib/nova/instances", "/var/log"]
    assert points(choose(found, ["/", "/srv/*"], ["/srv/*"], None)) == ["/"]
    nova = holder(found, "/var/lib/nova/instances/_base")
    assert points(choose(found, ["/"], ["*nova*"], nova)) == ["/", "/var/lib/nova/instances"]


LINKS = {"/var/lib/nova": "/data/nova", "/data/nova/instances": "../big/./inst", "/a": "b", "/b": "/a"}
FOLDERS = {"/var", "/var/lib", "/data", "/data/big", "/data/big/inst", "/data/nova"}


def readlink(path: str) -> str:
    if path in LINKS:
        return LINKS[path]
    raise OSError(errno.EINVAL if path in FOLDERS else errno.ENOENT, path)


def test_links_lead_where_they_would_lead_a_process_of_the_node() -> None:
    assert follow("/var/lib/nova/instances/", frozenset(), readlink) == "/data/big/inst"
    assert follow("/", frozenset(), readlink) == "/"


def test_a_mount_point_is_no_link_and_is_not_touched() -> None:
    assert follow("/var/lib/nova", frozenset({"/var/lib/nova"}), readlink) == "/var/lib/nova"


def test_a_path_that_leads_nowhere_or_in_a_circle_ends() -> None:
    with pytest.raises(FileNotFoundError):
        follow("/var/spool/x", frozenset(), readlink)
    with pytest.raises(OSError, match="too many links"):
        follow("/a", frozenset(), readlink)


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    visible(parse_mountinfo(text))
