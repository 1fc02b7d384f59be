"""Reading domain XML, and what a guest's state means for the node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import NODE

from argus_agent.guests import Definition, Disk, Guest, Nic, Nova, parse_definition

NOVA = """<domain><metadata>
<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/{version}">
  <nova:name> web 1 </nova:name><nova:flavor name="m1.small"/>
  <nova:owner><nova:user uuid="u">alice</nova:user><nova:project uuid="p1">shop</nova:project></nova:owner>
  <nova:root type="{root}" uuid="i1"/>
</nova:instance></metadata></domain>"""


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_both_versions_of_novas_metadata_are_read(version: str) -> None:
    nova = parse_definition(NOVA.format(version=version, root="image")).nova
    assert nova == Nova("web 1", "m1.small", "p1", "shop", "alice", "i1")


def test_a_guest_on_a_volume_has_no_image() -> None:
    assert parse_definition(NOVA.format(version="1.1", root="volume")).nova.image == ""


def test_a_domain_without_anything_is_read() -> None:
    definition = parse_definition("<domain/>")
    assert (definition.nova, definition.nics, definition.disks) == (Nova(), {}, {})


def test_metadata_of_others_is_passed_over() -> None:
    other = '<x:instance xmlns:x="urn:other"><x:name>n</x:name></x:instance>'
    assert parse_definition(f"<domain><metadata>{other}</metadata></domain>").nova == Nova()


@pytest.mark.parametrize(
    ("target", "connected"),
    [
        ("<target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>", True),
        ("<target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/>", False),
        ("<target type='virtio' name='org.qemu.guest_agent.0'/>", False),
        ("<target type='virtio' name='com.redhat.spice.0' state='connected'/>", None),
    ],
)
def test_the_guest_agent_is_there_when_its_channel_is_connected(target: str, connected: bool | None) -> None:
    xml = f"<domain><devices><channel type='unix'>{target}</channel></devices></domain>"
    assert parse_definition(xml).agent_connected is connected


def test_a_recorded_domain_is_read() -> None:
    definition = parse_definition((NODE / "guests/g2.xml").read_text())
    assert definition.nova.name == 'db "primary" & <größe> №2'
    assert list(definition.nics.values())[0].source == "vbr0"  # noqa: RUF015 -- there is exactly one
    assert definition.balloon_period == 2


def test_an_interface_on_a_network_and_a_cinder_volume_are_read() -> None:
    definition = parse_definition(
        "<domain><devices>"
        "<interface type='network'><mac address='52:54:00:00:00:01'/><target dev='tap1'/>"
        "<source network='default' bridge='virbr0'/></interface>"
        "<interface type='user'><mac address='52:54:00:00:00:02'/></interface>"
        "<disk><target dev='vdb'/><serial>9d1f</serial></disk></devices></domain>"
    )
    assert definition.nics == {"tap1": Nic("52:54:00:00:00:01", "network", "virbr0")}
    assert definition.disks["vdb"].serial == "9d1f"


@given(st.text())
def test_what_is_no_xml_is_a_value_error(text: str) -> None:
    try:
        parse_definition(text)
    except ValueError as error:
        assert "not XML" in str(error)  # noqa: PT017 -- hypothesis may also hit on XML


@pytest.mark.parametrize(
    ("state", "reason", "active", "here"),
    [
        (1, 1, True, True),
        (1, 10, True, True),
        (3, 1, True, True),
        (3, 5, True, True),
        (3, 2, True, False),
        (3, 11, True, False),
        (3, 12, True, False),
        (5, 2, False, True),
        (5, 4, False, False),
        (6, 1, False, True),
    ],
    ids=[
        "running",
        "running after post-copy",
        "paused by a user",
        "paused by an I/O error",
        "migrating",
        "incoming",
        "left by post-copy",
        "destroyed",
        "migrated away",
        "crashed",
    ],
)
def test_a_guest_on_its_way_is_not_this_nodes(state: int, reason: int, active: bool, here: bool) -> None:
    guest = Guest("u", "g", 1, {"state.state": state, "state.reason": reason})
    assert (guest.active, guest.here) == (active, here)


def disk_xml(kind: str, inside: str) -> Disk:
    device = "disk" if inside else "cdrom"
    text = f"<disk type='{kind}' device='{device}'>{inside}<target dev='vda' bus='virtio'/></disk>"
    return parse_definition(f"<domain><devices>{text}</devices></domain>").disks["vda"]


@pytest.mark.parametrize(
    ("kind", "inside", "passed_over"),
    [
        ("file", "<source file='a'/>", True),
        ("network", "<source protocol='rbd' name='volumes/v'/>", True),
        ("vhostuser", "<source type='unix' path='/run/v.sock'/>", False),
        ("file", "", False),
    ],
    ids=["image", "Ceph", "vhost-user: QEMU has no numbers of it", "a drive without a medium"],
)
def test_only_a_disk_that_qemu_counts_can_be_passed_over(kind: str, inside: str, passed_over: bool) -> None:
    stats: dict[str, float | str] = {"state.state": 1, "block.count": 1, "block.0.name": "vda"}
    stats["block.0.backingIndex"] = 1
    definition = Definition(disks={"vda": disk_xml(kind, inside)})
    assert Guest("u", "g", 1, stats, definition).passed_over is passed_over


CHAIN = "<backingStore type='file'><source file='{}'/>{}</backingStore>"


@pytest.mark.parametrize(
    ("inside", "overlays"),
    [
        ("<source file='a'/><backingStore/>", 0),
        ("<source file='a'/>" + CHAIN.format("b", CHAIN.format("c", "<backingStore/>")), 2),
        ("<source file='a'/><backingStore/><mirror job='copy'><source file='m'/>"
         + CHAIN.format("n", CHAIN.format("o", "")) + "</mirror>", 0),
        ("<source file='a'/>" + CHAIN.format("b", "<backingStore/>")
         + "<mirror job='active-commit'><source file='m'/>" + CHAIN.format("n", "") + "</mirror>", 1),
    ],
    ids=["flat", "two images below", "copied to a chain", "an image below while it is committed"],
)  # fmt: skip
def test_overlays_are_the_disks_own_and_not_those_of_what_it_is_copied_to(inside: str, overlays: int) -> None:
    assert disk_xml("file", inside).overlays == overlays


def test_a_group_of_limits_is_a_name_and_no_limit() -> None:
    disk = disk_xml("file", "<source file='a'/><iotune><total_iops_sec>9</total_iops_sec>"
                    "<group_name>5</group_name><size_iops_sec>4096</size_iops_sec></iotune>")  # fmt: skip
    assert (disk.group, disk.limits) == ("5", {"total_iops_sec": 9, "size_iops_sec": 4096})


def test_groups_of_the_domain_have_limits_and_disks_name_them() -> None:
    definition = parse_definition(
        "<domain><throttlegroups><throttlegroup><group_name>g</group_name><read_iops_sec>7</read_iops_sec>"
        "<write_iops_sec>0</write_iops_sec></throttlegroup></throttlegroups><devices><disk type='file'>"
        "<source file='a'/><target dev='vda'/><throttlefilters><throttlefilter group='g'/></throttlefilters>"
        "</disk></devices></domain>"
    )
    assert definition.groups == {"g": {"read_iops_sec": 7}}
    assert definition.disks["vda"].filters == ("g",)


@pytest.mark.parametrize(
    ("stats", "passed_over"),
    [
        ({"state.state": 1, "block.count": 1, "block.0.name": "vda", "block.0.rd.reqs": 0}, False),
        ({"state.state": 1, "block.count": 1, "block.0.name": "vda"}, True),
        ({"state.state": 5, "block.count": 1, "block.0.name": "vda"}, False),
        ({"state.state": 1, "block.count": 0}, False),
        ({"state.state": 1}, False),
    ],
    ids=["asked", "silently left out", "off", "without disks", "disks not wanted"],
)
def test_a_guest_that_libvirt_passed_over_is_recognised(
    stats: dict[str, float | str], passed_over: bool
) -> None:
    assert Guest("u", "g", 1, stats).passed_over is passed_over
