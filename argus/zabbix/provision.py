"""Bring a Zabbix to the wanted state, in the order of what depends on what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus.zabbix.access import Role, User
from argus.zabbix.correlator_host import CorrelatorHost
from argus.zabbix.fallback import FallbackAction, FallbackMedia, FallbackRecipients
from argus.zabbix.fleet_dashboard import FleetDashboard
from argus.zabbix.groups import HostGroups
from argus.zabbix.guest_groups import GuestGroups
from argus.zabbix.host_choices import HostChoices
from argus.zabbix.registration import RegistrationActions
from argus.zabbix.removed import Removed
from argus.zabbix.templates import Templates
from argus.zabbix.token import Token
from argus.zabbix.user_group import UserGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from argus.zabbix.api import Zabbix
    from argus.zabbix.changes import Change, Resource
    from argus.zabbix.fallback import Mail
    from argus.zabbix_encryption import Tls


def resources(
    token_file: Path,
    timeout: float,
    group_by: tuple[str, ...] = (),
    mail: Mail | None = None,
    *,
    tls: Tls,
    services: bool = True,
    delete_removed: bool = False,
) -> tuple[Resource, ...]:
    """Return everything that Argus wants in Zabbix; later ones refer to earlier ones.

    ``mail`` is how Zabbix itself tells that the correlator cannot, ``None`` for not at all; ``services`` is
    whether any is probed; ``tls`` is how the correlator sends.
    """
    return (
        HostGroups(),
        HostChoices(token_file),
        Templates(token_file),
        RegistrationActions(),
        CorrelatorHost(tls),
        Role(),
        UserGroup(),
        User(),
        Token(token_file, timeout),
        FallbackMedia(mail),
        FallbackRecipients(mail),
        FallbackAction(mail),
        FleetDashboard(services=services),
        GuestGroups(group_by),
        *((Removed(),) if delete_removed else ()),
    )


def plan(zabbix: Zabbix, wanted: Iterable[Resource]) -> list[Change]:
    """Return what ``apply`` would do now; changes nothing."""
    return [change for resource in wanted for change in resource.plan(zabbix)]


def apply(
    zabbix: Zabbix,
    wanted: Iterable[Resource],
    started: Callable[[Change], None] = lambda _: None,
    looking_at: Callable[[Resource], None] = lambda _: None,
) -> list[Change]:
    """Do what is to be done and return it; done twice it changes nothing the second time.

    All of it is planned before anything is changed, so that what is in the way (a host of our name that is
    not ours) is found while nothing is half done.  ``looking_at`` is called before each kind of thing,
    ``started`` before each change.  Stops at the first ``ZabbixError``; what was done stays done.
    """
    all_of_it = tuple(wanted)
    plan(zabbix, all_of_it)
    done = []
    for resource in all_of_it:
        looking_at(resource)
        for change in resource.plan(zabbix):
            started(change)
            change.do()
            done.append(change)
    return done
