"""Probes of services as a source of facts, made from ``[services]`` in ``argus.conf``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from argus.correlator.service import USER_CHECK

if TYPE_CHECKING:
    from argus.site import Site
    from argus.sources import Slow
    from argus.store.engine import Store


def from_config(conf: Any, store: Store) -> tuple[Slow, ...]:
    """Read ``services.yaml``; nothing without one.  Raises ``ArgusError``; connects to nothing."""
    if not conf.services.file:
        return ()
    from argus import user_check_source  # noqa: PLC0415
    from argus.probes.openstack import NAMES  # noqa: PLC0415  # the clients of all services: only who probes pays
    from argus.probes.plan import read  # noqa: PLC0415
    from argus.services import ServiceSource  # noqa: PLC0415

    plan = read(Path(conf.services.file), NAMES)
    clouds = conf.services.clouds_file or ""
    probes = ServiceSource(plan, store, conf.services.interval, clouds)
    return (probes, *user_check_source.sources(plan, clouds))


def probe(site: Site) -> bool:
    """Run one round of probes; false without ``services.yaml`` or while another process is at it."""
    from argus.sources import refresh  # noqa: PLC0415

    return [refresh(site, slow) for slow in site.slow if slow.name == "services"] == [True]


def check_as_user(site: Site) -> bool:
    """Run the user's-eye checks that are due; false where none is configured."""
    if not any(slow.name.startswith(USER_CHECK) for slow in site.slow):
        return False
    from argus.user_check_source import run_due  # noqa: PLC0415  # openstacksdk: only who checks pays

    run_due(site)
    return True  # that none is due is no reason to call the job late
