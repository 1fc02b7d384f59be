"""What waits in the broker for a Celery worker."""

from __future__ import annotations

import logging

from redis import Redis, RedisError

log = logging.getLogger(__name__)

QUEUE = "argus"
TIMEOUT = 3.0  # s, to connect and to answer


def waiting(url: str, timeout: float = TIMEOUT) -> int | None:
    """Return how many tasks no worker has taken; ``None`` when Redis does not tell, which is no zero."""
    try:
        with Redis.from_url(url, socket_connect_timeout=timeout, socket_timeout=timeout) as client:
            return int(client.llen(QUEUE))
    except (RedisError, OSError, ValueError) as exc:  # ValueError: the URL is not that of a Redis
        log.debug("the length of the queue is not known: %s", exc)
        return None
