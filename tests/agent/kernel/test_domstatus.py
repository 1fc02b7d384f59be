"""libvirt's status files: what is there is read, what is damaged is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_agent.kernel.domstatus import RunningGuest, parse_domstatus

STATUS = """<!--
WARNING: THIS IS AN AUTO-GENERATED FILE.
-->
<domstatus state='running' reason='booted' pid='4242'>
  <vcpus><vcpu id='0' pid='4250'/><vcpu id='1' pid='4251'/></vcpus>
  <domain type='kvm' id='3'>
    <name>instance-0001</name><uuid>5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a001</uuid>
  </domain>
</domstatus>
"""


def test_a_running_guest_names_its_threads() -> None:
    assert parse_domstatus(STATUS) == RunningGuest(
        "instance-0001",
        "5c1f7f2e-3e34-4f0c-9f0e-6a2a52b4a001",
        4242,
        "running",
        "booted",
        {0: 4250, 1: 4251},
        number=3,
    )


def test_a_guest_without_a_process_is_none() -> None:
    assert parse_domstatus(STATUS.replace(" pid='4242'", "")) is None


@pytest.mark.parametrize("text", ["", "<domain/>", "<domstatus/>", "<domstatus><domain/></domstatus>"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not XML|no guest"):
        parse_domstatus(text)


@given(st.integers(0, len(STATUS) - len("</domstatus>\n")))
def test_a_file_cut_off_while_it_was_written_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match=r"not XML"):
        parse_domstatus(STATUS[:cut])
