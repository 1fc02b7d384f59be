"""The guests of the lab look like Nova's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from stack.components.guest_xml import GUESTS, Guest, domain_xml

NOVA = {"nova": "http://openstack.org/xmlns/libvirt/nova/1.1"}


def parsed(guest: Guest) -> ET.Element:
    return ET.fromstring(
        domain_xml(guest, Path("/boot/vmlinuz"), Path("/boot/initrd"), Path("/disks & more"))
    )


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_the_metadata_name_the_owner(guest: Guest) -> None:
    found = parsed(guest)
    assert found.findtext(".//nova:name", namespaces=NOVA) == guest.title
    assert found.findtext(".//nova:project", namespaces=NOVA) == guest.project


def test_one_guest_is_pinned_and_throttled() -> None:
    throttled = [guest for guest in GUESTS if parsed(guest).find("./cputune/quota") is not None]
    assert [len(parsed(guest).findall("./cputune/vcpupin")) for guest in throttled] == [2]


def test_one_guest_is_on_user_networking() -> None:
    kinds = [parsed(guest).find("./devices/interface") for guest in GUESTS]
    assert sorted(nic.get("type", "") for nic in kinds if nic is not None) == ["bridge", "bridge", "user"]
