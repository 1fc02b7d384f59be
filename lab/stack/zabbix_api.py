"""A session with the lab's Zabbix API as its administrator."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from pyzabbix.api import ZabbixAPI, ZabbixAPIException

from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER

if TYPE_CHECKING:
    from collections.abc import Iterator


class ZabbixError(Exception):
    """The API did not answer, or refused."""


@contextmanager
def open_api(url: str, user: str = ZABBIX_USER, password: str = ZABBIX_PASSWORD) -> Iterator[ZabbixAPI]:
    api = ZabbixAPI(url, timeout=15)
    try:
        api.login(user, password)
        yield api
        api.user.logout()
    except (ZabbixAPIException, requests.RequestException) as failure:
        raise ZabbixError(f"Zabbix at {url}: {failure}") from None
    finally:
        api.session.close()
