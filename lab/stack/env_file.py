"""lab/run/env: where everything is, as shell assignments for people, scripts and tests."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER, config_env, database_url
from stack.components.exporter import metrics_url
from stack.components.redis import redis_url
from stack.components.zabbix_web import zabbix_url
from stack.lab import write_private
from stack.registry import AGENT1, NODE1

if TYPE_CHECKING:
    from stack.lab import Lab


def variables(lab: Lab) -> dict[str, str]:
    return {
        "ZABBIX_URL": zabbix_url(lab),
        "ZABBIX_SERVER": f"127.0.0.1:{lab.ports['zabbix-server']}",
        "ZABBIX_USER": ZABBIX_USER,
        "ZABBIX_PASSWORD": ZABBIX_PASSWORD,
        "LIBVIRT_URI": lab.libvirt or NODE1.uri(lab),
        "AGENT_METRICS_URL": AGENT1.metrics_url(lab),
        "ARGUS_METRICS_URL": metrics_url(lab),
        "DATABASE_URL": database_url(lab),
        "REDIS_URL": redis_url(lab),
        "MAILBOX_DIR": str(lab.run / "mail"),
        **config_env(lab),
    }


def write_env(lab: Lab) -> Path:
    """Write the file (0600, since it holds passwords)."""
    values = variables(lab)
    lines = [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    scripts = shlex.quote(str(Path(sys.prefix) / "bin"))
    lines += [f'case ":$PATH:" in *:{scripts}:*) ;; *) PATH={scripts}:$PATH ;; esac']
    lines += [f"export PATH {' '.join(values)}"]
    return write_private(lab.run / "env", "\n".join(lines) + "\n")
