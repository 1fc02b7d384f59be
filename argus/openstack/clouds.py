"""The clouds of ``clouds.yaml`` that ``[openstack] clouds`` names."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as ks

from argus.openstack.cloud import Cloud, CloudConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence


def open_clouds(
    names: Sequence[str], clouds_file: str | None = None, timeout: float = 20.0
) -> tuple[Cloud, ...]:
    """Make a ``Cloud`` of each ``CLOUD`` or ``CLOUD/REGION``; ``CLOUD/*`` is all its regions.

    ``clouds_file`` wins over OS_CLIENT_CONFIG_FILE and the usual places.  ``timeout`` is in seconds for a
    whole call, getting a token included.  Connects to nothing.  Raises ``CloudConfigError``.
    """
    return tuple(cloud for name in names for cloud in _open(name, clouds_file, timeout))


def _open(name: str, clouds_file: str | None, timeout: float) -> list[Cloud]:
    if clouds_file and not Path(clouds_file).is_file():
        raise CloudConfigError(f"[openstack] clouds_file: {clouds_file}: no such file")
    cloud, _, region = name.partition("/")
    config = _loader(clouds_file)
    if region == "*":
        found = [each.config.get("region_name") or "" for each in config.get_all() if each.name == cloud]
        return [_cloud(config, cloud, each, timeout) for each in found or [""]]
    return [_cloud(config, cloud, region, timeout)]


def _cloud(config: Any, name: str, region: str, timeout: float) -> Cloud:
    from openstack.exceptions import ConfigException  # noqa: PLC0415  # heavy: only who reads a cloud pays

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the SDK's own future, not about this file
        try:
            made = config.get_one(cloud=name, region_name=region or None, api_timeout=timeout)
            session = made.get_session()
        except (ConfigException, ks.ClientException, ValueError) as exc:
            raise CloudConfigError(f"cloud {name!r}: {' '.join(str(exc).split())}") from None
    session.timeout = timeout
    return Cloud(
        name,
        made.config.get("region_name") or "",
        made.get_interface() or "public",
        session,
        timeout,
    )


def _loader(clouds_file: str | None) -> Any:
    """Read clouds.yaml with openstacksdk.  Raises ``CloudConfigError``."""
    try:
        from openstack.config import loader  # noqa: PLC0415  # heavy: only who reads a cloud pays
        from openstack.exceptions import ConfigException  # noqa: PLC0415
    except ImportError:
        raise CloudConfigError("reading a cloud needs openstacksdk: pip install 'argus[server]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations of options that the file may hold
        try:
            return loader.OpenStackConfig(
                config_files=[clouds_file] if clouds_file else None, app_name="argus"
            )
        except (ConfigException, OSError, ValueError) as exc:
            raise CloudConfigError(f"clouds.yaml cannot be read: {' '.join(str(exc).split())}") from None
