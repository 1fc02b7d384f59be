"""Names that people read are whole where they are shown."""

from __future__ import annotations

import pytest

from argus.catalogue import allocation, guest_info, ksm, libvirt
from argus.catalogue.model import Metric
from argus.render.names import tile_title


@pytest.mark.parametrize(
    ("metric", "title"),
    [
        (ksm.RUN, "KSM run"),
        (allocation.RUNNING, "Guests running"),
        (allocation.VCPU_RATIO, "vCPU overcommit in %"),
        (libvirt.UP, "libvirt up"),
        (guest_info.FLAVOR, "Flavor"),
    ],
)
def test_a_tile_has_a_title_that_fits(metric: Metric, title: str) -> None:
    assert tile_title(metric) == title
