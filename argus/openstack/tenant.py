"""One project of a cloud as its user sees it: what the user's-eye check does there, and nothing else.

Through openstacksdk's proxies (compute, network, block_storage, image); every call has the timeout of the
connection.  Works on the resources of its own project alone.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests
from keystoneauth1 import exceptions as ks

from argus.openstack.cloud import CloudConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argus.probes.user_check import UserCheck

SERVER, VOLUME = "server", "volume"


class TenantError(Exception):
    """What a user of the cloud sees instead of an answer; ``denied`` where the role or a quota forbids it."""

    def __init__(self, text: str, *, denied: bool = False) -> None:
        super().__init__(" ".join(text.split()))
        self.denied = denied


@dataclass(frozen=True, slots=True)
class Thing:
    """A server or volume of the project; ``made_at`` in seconds since the epoch (``None``: unknown)."""

    kind: str
    id: str
    name: str
    status: str
    made_at: float | None
    fault: str = ""


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong in the service's own words."""
    from openstack.exceptions import HttpException, SDKException  # noqa: PLC0415  # heavy

    try:
        yield
    except HttpException as exc:
        text = str(exc.details or exc.message or exc)
        raise TenantError(f"{exc.status_code or 'error'}: {text}", denied=exc.status_code == 403) from None
    except ks.Unauthorized:
        raise TenantError("Keystone refuses the credentials (401)", denied=True) from None
    except (SDKException, ks.ClientException, requests.RequestException) as exc:
        raise TenantError(f"{type(exc).__name__}: {exc}") from None


@dataclass(frozen=True, slots=True)
class Tenant:
    """The project that an entry of ``clouds.yaml`` logs in to.  All methods raise ``TenantError``."""

    connection: Any

    def log_in(self) -> None:
        """Get a new token."""
        with _told():
            self.connection.authorize()

    def find(self, image: str, flavor: str, network: str) -> tuple[str, str, str]:
        """Return the ids of an image, a flavor and a network by their names or ids."""
        with _told():
            cloud = self.connection
            return (
                cloud.image.find_image(image, ignore_missing=False).id,
                cloud.compute.find_flavor(flavor, ignore_missing=False).id,
                cloud.network.find_network(network, ignore_missing=False).id,
            )

    def things(self) -> list[Thing]:
        """Return all servers and volumes of the project."""
        with _told():
            servers = [_thing(SERVER, each) for each in self.connection.compute.servers()]
            return servers + [_thing(VOLUME, each) for each in self.connection.block_storage.volumes()]

    def boot(self, name: str, image: str, flavor: str, network: str) -> Thing:
        """Ask for a server."""
        with _told():
            made = self.connection.compute.create_server(
                name=name, image_id=image, flavor_id=flavor, networks=[{"uuid": network}]
            )
            return _thing(SERVER, made)

    def make_volume(self, name: str, gigabytes: int) -> Thing:
        """Ask for an empty volume."""
        with _told():
            return _thing(VOLUME, self.connection.block_storage.create_volume(name=name, size=gigabytes))

    def look(self, thing: Thing) -> Thing | None:
        """Return a server or volume as it is now; ``None`` when it is gone."""
        from openstack.exceptions import NotFoundException  # noqa: PLC0415  # heavy

        with _told():
            try:
                if thing.kind == SERVER:
                    return _thing(SERVER, self.connection.compute.get_server(thing.id))
                return _thing(VOLUME, self.connection.block_storage.get_volume(thing.id))
            except NotFoundException:
                return None

    def addresses(self, server: Thing) -> list[str]:
        """Return the fixed addresses of a server's ports, as Neutron knows them."""
        with _told():
            ports = list(self.connection.network.ports(device_id=server.id))
            return [str(ip["ip_address"]) for port in ports for ip in port.fixed_ips or ()]

    def attach(self, server: Thing, volume: Thing) -> None:
        """Ask Nova to attach a volume."""
        with _told():
            self.connection.compute.create_volume_attachment(server.id, volume_id=volume.id)

    def delete(self, thing: Thing) -> None:
        """Ask for the end of it; deleting a server detaches its volumes."""
        with _told():
            if thing.kind == SERVER:
                self.connection.compute.delete_server(thing.id, ignore_missing=True)
            else:
                self.connection.block_storage.delete_volume(thing.id, ignore_missing=True)

    def close(self) -> None:
        """Give its connections back."""
        self.connection.close()


def open_tenant(check: UserCheck, clouds_file: str = "") -> Tenant:
    """Make a client; connects to nothing.  Raises ``CloudConfigError``."""
    from openstack import connection  # noqa: PLC0415  # heavy
    from openstack.config import loader  # noqa: PLC0415
    from openstack.exceptions import ConfigException  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the SDK's own future, not about this file
        try:
            config = loader.OpenStackConfig(config_files=[clouds_file] if clouds_file else None)
            found = config.get_one(
                cloud=check.cloud, region_name=check.region or None, api_timeout=check.call_timeout
            )
            return Tenant(connection.Connection(config=found, app_name="argus"))
        except (ConfigException, ks.ClientException, OSError, ValueError) as exc:
            raise CloudConfigError(f"cloud {check.cloud!r}: {' '.join(str(exc).split())}") from None


def _thing(kind: str, found: Any) -> Thing:
    fault = (found.fault or {}).get("message", "") if kind == SERVER and found.fault else ""
    return Thing(
        kind,
        str(found.id),
        str(found.name or ""),
        str(found.status or "").upper(),
        _moment(found.created_at),
        fault,
    )


def _moment(text: Any) -> float | None:
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
