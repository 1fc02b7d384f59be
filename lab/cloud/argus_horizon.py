"""Django's settings of the lab's Horizon: where Keystone and memcached are, and styles as they are written.

Without a compiler of styles the page is the same to whoever reads its HTML, and there at once.
"""

from __future__ import annotations

import os
import secrets

from openstack_dashboard.settings import *  # type: ignore[import-not-found]  # noqa: F403

SECRET_KEY = secrets.token_urlsafe(32)
ALLOWED_HOSTS = ["127.0.0.1"]
OPENSTACK_KEYSTONE_URL = os.environ["KEYSTONE_URL"]
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": os.environ["MEMCACHED"],
    }
}
COMPRESS_ENABLED = False
COMPRESS_PRECOMPILERS = ()
