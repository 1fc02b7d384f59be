"""Half an hour of a healthy installation sends nothing: who is called for nothing switches the pager off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from email.message import EmailMessage

    from tests.lab.conftest import Lab

pytestmark = [pytest.mark.lab, pytest.mark.quiet]

SECONDS = 1800
# what the machine under the lab really does: its guests wait for its CPUs when others work on it
OF_THE_MACHINE = ("overcommit_hurts_guests", "vcpu_overcommit_hurts", "node_is_full")


def told(lab: Lab, after: int) -> list[EmailMessage]:
    return [mail for mail in lab.mails(after) if mail.get("X-Argus-Rule") not in OF_THE_MACHINE]


def test_half_an_hour_of_a_healthy_installation_sends_nothing(lab: Lab) -> None:
    before, end = len(lab.mails()), time.monotonic() + SECONDS
    lab.wait_until(lambda: told(lab, before) or time.monotonic() > end, SECONDS + 60, every=5)
    assert [str(mail["Subject"]) for mail in told(lab, before)] == []
