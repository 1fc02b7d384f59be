"""What other libraries may write into the log: at debug level some of them write URLs, which are secrets."""

from __future__ import annotations

import logging

# urllib3 logs the path of each request, the token of Slack and of dead-man's switches; the others log what
# they send, and with what key.
TALKATIVE = ("urllib3", "requests", "requests_oauthlib", "apprise", "keystoneauth", "openstack", "httpx")


def keep_secrets_out() -> None:
    """Have them log what matters, whatever our own level is."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
