"""Puts the parts that measure together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.errors import ConfigError
from argus_agent.audit.profile import ProfileError, load_profile
from argus_agent.collectors import load_collectors
from argus_agent.libvirt_source import LibvirtSource
from argus_agent.page_walks import PageWalks
from argus_agent.runner import Runner

if TYPE_CHECKING:
    from argus_agent.audit.profile import Profile
    from argus_agent.host import Host
    from argus_agent.settings import Settings


def make_runner(settings: Settings, host: Host, *, threaded: bool = True) -> Runner:
    """Return a runner of all collectors; connects to libvirt in its first cycle.

    ``threaded``: page tables are walked in a thread, seldom, rather than by who calls ``walks.read_asked``.
    Raises ``ConfigError`` when the audit's profile cannot be read.
    """
    source = LibvirtSource(settings.libvirt_uri, settings.libvirt_timeout, host.monotonic)
    profile = load_audit_profile(settings)
    walks = PageWalks(host, settings.page_walk_bytes, thread=threaded)
    return Runner(
        host,
        load_collectors(),
        source,
        settings.allocation,
        settings.units,
        profile,
        walks,
        settings.storage,
    )


def load_audit_profile(settings: Settings) -> Profile | None:
    """Read the tuning to compare with, ``None`` without one.  Raises ``ConfigError``."""
    if settings.audit_profile is None:
        return None
    try:
        return load_profile(settings.audit_profile)
    except ProfileError as error:
        raise ConfigError(f"[audit] profile: {error}") from error
