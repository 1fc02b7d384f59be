"""Argus' own daemons: console scripts of .venv that read the lab's configuration files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from stack.components.argus_setup import argus_config, config_env
from stack.errors import DownError
from stack.lab import TOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.lab import Lab


@dataclass(frozen=True, slots=True)
class Daemon:
    """A component that is one process of ours: what it is called with, and how to ask it whether it works."""

    name: str
    needs: tuple[str, ...]
    argv: Callable[[Lab], list[str | Path]]
    ask: Callable[[Lab], str]  # raises DownError

    def start(self, lab: Lab) -> str:
        argv = self.argv(lab)
        lab.processes.start(self.name, argv, env=config_env(lab), fingerprint=_fingerprint(lab, argv))
        return lab.processes.wait_ready(self.name, lambda: self.check(lab), timeout=60)

    def check(self, lab: Lab) -> str:
        if lab.processes.pid(self.name) is None:
            raise DownError(f"does not run; its log is {lab.processes.log(self.name)}")
        return self.ask(lab)

    def stop(self, lab: Lab) -> None:
        lab.processes.stop(self.name)


def _fingerprint(lab: Lab, argv: list[str | Path]) -> str:
    """Changes with the code and the configuration, so that a second `up` brings the present code to life."""
    files = [*(TOP / "argus").rglob("*.py"), *(TOP / "agents").rglob("*.py")]
    files += [Path(word) for word in (*argv, argus_config(lab)) if str(word).endswith(".conf")]
    digest = hashlib.sha256(repr([str(word) for word in argv]).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def metrics(url: str, prefix: str) -> str:
    """Ask a /metrics page; how many series start with the prefix. Raises DownError when none does."""
    try:
        answer = requests.get(url, timeout=10)
        answer.raise_for_status()
    except requests.RequestException as failure:
        raise DownError(f"{url} does not answer: {failure.__class__.__name__}") from None
    series = sum(line.startswith(prefix) for line in answer.text.splitlines())
    if not series:
        raise DownError(f"{url} has no series {prefix}*")
    return f"{url} has {series} series {prefix}*"
