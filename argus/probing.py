"""Ask receivers whether they would take a message: a wrong password is a failing receiver, not silence."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from argus.notify.base import NotifyError, Probed
from argus.notify.http import TOO_MANY
from argus.store import health

if TYPE_CHECKING:
    from argus.site import Site

log = logging.getLogger(__name__)

AT_A_TIME = 8
EVERY = 30.0  # seconds: a secret that stops working is seen within a minute


def probe(site: Site) -> bool:
    """Ask each receiver that can be asked; false when there is none.  Raises ``StoreError``."""
    asked = {target: each for target, each in site.receivers.items() if isinstance(each, Probed)}
    if not asked:
        return False
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        found = dict(zip(asked, pool.map(_answer, asked.values()), strict=True))
    with site.store.write() as session:
        for target, error in found.items():
            if error is not None and health.probed(session, target, error, site.clock()):
                log.log(logging.ERROR if error else logging.INFO, "receiver %s: %s", target, error or "well")
    return True


def _answer(receiver: Probed) -> str | None:
    """Return why it would take no message, empty for a good one, ``None`` if it asks for time."""
    try:
        receiver.probe()
    except NotifyError as exc:
        return None if exc.code == TOO_MANY else str(exc)
    except Exception as exc:  # a receiver's own mistake must not hide how the others are
        log.exception("a probe failed")
        return f"{type(exc).__name__}: {exc}"
    return ""
