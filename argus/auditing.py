"""The auditor's job: count what delivery owes, and tell a dead-man's switch only when it owes nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import requests

from argus.errors import ArgusError
from argus.store import audit

if TYPE_CHECKING:
    from argus.site import Site

log = logging.getLogger(__name__)

TIMEOUT = 10.0  # seconds


def run(site: Site) -> bool:
    """Audit once.  Raises ``ArgusError`` when the dead-man's switch cannot be reached."""
    anybody = any(site.router.targets.values())
    with site.store.read() as session:  # looking keeps no writer waiting
        found = audit.violations(session, site.clock(), anybody=anybody)
    with site.store.write() as session:
        audit.note(session, found, site.clock())
    broken = {name: len(ids) for name, ids in found.items() if ids}
    for name, number in broken.items():
        log.error("delivery: %s is violated %s times: argus audit names the incidents", name, number)
    if not broken and site.dead_man_url:
        _ping(site.dead_man_url)
    return True


def _ping(url: str) -> None:
    """Tell the switch that all is well; it pages by itself when this stops."""
    try:
        answer = requests.get(url, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as exc:
        raise ArgusError(f"[correlator] dead_man_url cannot be reached: {type(exc).__name__}") from None
    if not answer.ok:
        raise ArgusError(f"[correlator] dead_man_url answers {answer.status_code}")
