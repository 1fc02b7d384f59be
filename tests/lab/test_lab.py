"""What the lab itself promises."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.components.guest_xml import GUESTS
from stack.lab import TOP
from stack.registry import components

if TYPE_CHECKING:
    from tests.lab.conftest import Lab

pytestmark = pytest.mark.lab


def status() -> dict[str, dict[str, object]]:
    done = subprocess.run(
        [TOP / "lab" / "status", "--format", "json"], capture_output=True, text=True, timeout=60, check=False
    )
    return {line["name"]: line for line in json.loads(done.stdout)}


def test_every_component_says_that_it_works(lab: Lab) -> None:
    shown = status()
    always = [component.name for component in components(lab.stack)]  # others may be hurt by a test beside
    assert {name: shown[name]["detail"] for name in always if not shown[name]["ok"]} == {}


def test_the_status_says_how_old_the_newest_value_is() -> None:
    assert "newest value" in str(status()["flow"]["detail"])


def test_the_environment_names_everything_that_users_rely_on(lab: Lab) -> None:
    promised = {
        *("ZABBIX_URL", "ZABBIX_SERVER", "ZABBIX_USER", "ZABBIX_PASSWORD", "LIBVIRT_URI"),
        *("AGENT_METRICS_URL", "ARGUS_METRICS_URL", "DATABASE_URL", "REDIS_URL", "MAILBOX_DIR"),
    }
    assert [name for name in promised if not lab.env.get(name)] == []


def test_argus_is_on_the_path_after_the_environment_is_sourced(lab: Lab) -> None:
    found = subprocess.run(
        ["sh", "-c", "command -v argus; command -v argus-agent"],
        env=lab.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert found.stdout.count(str(TOP / ".venv")) == 2


def test_no_password_is_on_a_command_line(lab: Lab) -> None:
    secrets = [lab.stack.password(name) for name in ("postgres", "zabbix", "argus", "redis")]
    lines = command_lines()
    assert any("zabbix_server" in line for line in lines)
    assert [secret for secret in secrets if any(secret in line for line in lines)] == []


def test_only_this_machine_can_reach_the_lab(lab: Lab) -> None:
    """Every listening socket of the lab's ports is on 127.0.0.1 (proc_net_tcp: 0100007F, state 0A)."""
    ours = {f"{int(url.rstrip('/').split(':')[-1].split('/')[0]):04X}" for url in lab_urls(lab)}
    with open("/proc/net/tcp") as table:  # noqa: PTH123 - a pseudo-file, read as it is
        rows = [line.split() for line in table][1:]
    listening = [row[1].split(":") for row in rows if row[3] == "0A"]
    assert {address for address, port in listening if port in ours} == {"0100007F"}


def test_three_guests_run(lab: Lab) -> None:
    with lab.libvirt() as connection:
        running = {domain.UUIDString() for domain in connection.listAllDomains() if domain.isActive()}
    assert {guest.uuid for guest in GUESTS} <= running


def command_lines() -> list[str]:
    """The command line of every process (a minimal machine has no ps)."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            found.append(file.read_bytes().decode(errors="replace"))
    return found


def lab_urls(lab: Lab) -> list[str]:
    names = (
        "ZABBIX_URL",
        "ZABBIX_SERVER",
        "AGENT_METRICS_URL",
        "ARGUS_METRICS_URL",
        "DATABASE_URL",
        "REDIS_URL",
    )
    return [lab.env[name] for name in names]
