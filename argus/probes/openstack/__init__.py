"""The services of OpenStack: one module each, one line here.

A module has ``TYPES``, the service types that the catalogue may name it by, and ``look(api)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.probes.openstack import (
    ceilometer,
    cinder,
    glance,
    gnocchi,
    heat,
    keystone,
    murano,
    neutron,
    nova,
    placement,
    swift,
    trove,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from argus.probes.openstack.api import Api
    from argus.probes.outcome import Outcome

SERVICES: dict[str, tuple[tuple[str, ...], Callable[[Api], Outcome]]] = {
    "keystone": (keystone.TYPES, keystone.look),
    "nova": (nova.TYPES, nova.look),
    "placement": (placement.TYPES, placement.look),
    "glance": (glance.TYPES, glance.look),
    "neutron": (neutron.TYPES, neutron.look),
    "cinder": (cinder.TYPES, cinder.look),
    "swift": (swift.TYPES, swift.look),
    "heat": (heat.TYPES, heat.look),
    "ceilometer": (ceilometer.TYPES, ceilometer.look),
    "gnocchi": (gnocchi.TYPES, gnocchi.look),
    "trove": (trove.TYPES, trove.look),
    "murano": (murano.TYPES, murano.look),
}
HORIZON = "horizon"
NAMES = (*SERVICES, HORIZON)
