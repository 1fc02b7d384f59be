"""The agent stays light: what a fresh interpreter has loaded once every collector and sink is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOW = (
    "import sys, argus_agent.cli, argus_agent.daemon; from argus_agent.collectors import load_collectors; "
    "load_collectors(); print(' '.join({name.partition('.')[0] for name in sys.modules}))"
)
HEAVY = (
    "oslo_config",
    "email",
    "rich",
    "yaml",
    "sqlalchemy",
    "celery",
    "redis",
    "requests",
    "prometheus_client",
    "pyzabbix",
    "numpy",
    "asyncio",
    "multiprocessing",
)


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("package", HEAVY)
def test_the_daemon_does_without(package: str, loaded: set[str]) -> None:
    assert package not in loaded
