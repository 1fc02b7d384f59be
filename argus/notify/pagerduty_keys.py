"""Whether an integration key of PagerDuty belongs to anything: its events API takes any that is well formed.

https://developer.pagerduty.com/api-reference/ (``GET /services``, ``GET /event_orchestrations``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from argus.notify.base import NotifyError
from argus.notify.http import get

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 100  # the most that PagerDuty gives at a time
MOST = 10_000  # and the farthest that it lets one page to
LISTS = {"services": "include%5B%5D=integrations&", "event_orchestrations": ""}


def check(url: str, token: str, key: str, where: str) -> None:
    """Return when a service or an event orchestration has the key, else raise ``NotifyError``."""
    headers = {"Authorization": f"Token token={token}", "Accept": "application/vnd.pagerduty+json;version=2"}
    for name, query in LISTS.items():
        for offset in range(0, MOST, PAGE):
            address = f"{url}/{name}?{query}limit={PAGE}&offset={offset}"
            page = get(address, headers, f"{where} api_token_file")
            if key in keys_of(page):
                return
            if not isinstance(page, Mapping) or not page.get("more"):
                break
    raise NotifyError(
        f"{where}: the key in routing_key_file belongs to no service and no event orchestration"
    )


def keys_of(page: Any) -> Iterator[str]:
    """Yield the integration keys on one page of either list, whatever else it holds."""
    listed = page if isinstance(page, Mapping) else {}
    for entry in _list(listed.get("services")) + _list(listed.get("orchestrations")):
        for integration in _list(entry.get("integrations")):
            parameters = integration.get("parameters")
            for holder in (integration, parameters if isinstance(parameters, Mapping) else {}):
                for name in ("integration_key", "routing_key"):
                    if isinstance(holder.get(name), str):
                        yield holder[name]


def _list(found: Any) -> list[Mapping[str, Any]]:
    entries = found if isinstance(found, Iterable) and not isinstance(found, (str, Mapping)) else ()
    return [each for each in entries if isinstance(each, Mapping)]
