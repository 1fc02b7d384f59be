"""Reading the configuration in a child process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from argus.errors import ConfigError
from argus_agent.config import load
from argus_agent.settings import load_apart


def test_a_configuration_read_apart_is_the_same(tmp_path: Path) -> None:
    conf = tmp_path / "agent.conf"
    conf.write_text("[DEFAULT]\nhost = n\n[zabbix]\nservers = a:1, [::1]:2\n[units]\nwatch = x.service\n")
    assert load_apart(conf) == load(conf)


def test_a_mistake_is_told_as_if_it_were_read_here(tmp_path: Path) -> None:
    conf = tmp_path / "agent.conf"
    conf.write_text("[zabbix]\nservers = nonsense\n")
    with pytest.raises(ConfigError, match="servers = nonsense"):
        load_apart(conf)


def test_what_reading_needs_does_not_stay() -> None:
    code = "import sys; from argus_agent.settings import load_apart; load_apart(None); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "argus_agent.settings" in done.stdout.split()
    assert not {"oslo_config", "netaddr"} & set(done.stdout.split())
