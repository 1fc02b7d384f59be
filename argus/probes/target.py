"""What is probed: a service of a region of a cloud."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """One service.  ``kind`` says which probe looks at it; ``name`` is unique within cloud and region."""

    cloud: str
    region: str
    name: str
    kind: str

    @property
    def place(self) -> str:
        """``cloud/region``, or the cloud alone for what belongs to all regions."""
        return f"{self.cloud}/{self.region}" if self.region else self.cloud

    def __str__(self) -> str:
        """``argus/RegionOne/nova``: the service's name in incidents, Prometheus and Zabbix."""
        return f"{self.place}/{self.name}"
