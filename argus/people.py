"""Who types a command, and commands whose options may stand before, between and after the other words."""

from __future__ import annotations

import argparse
import getpass
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def author(environment: Mapping[str, str] | None = None, login: Callable[[], str] = getpass.getuser) -> str:
    """Return who types: under sudo or doas the person, not the account that they became."""
    known = os.environ if environment is None else environment
    person = known.get("SUDO_USER") or known.get("DOAS_USER")
    if person:
        return person
    try:
        return login()
    except (KeyError, OSError):  # an account without a name, as in containers
        return f"uid {os.getuid()}"


class Intermixed(argparse.ArgumentParser):
    """Takes ``add --comment x rule=r --until 2h node=n``: words that are a list may be scattered.

    https://docs.python.org/3/library/argparse.html#intermixed-parsing, which subparsers lack.
    """

    _within = False

    def parse_known_args(  # type: ignore[override]  # one of the overloads, with the types of all
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse as ``parse_known_intermixed_args``, which calls this again for each half."""
        if self._within:
            return super().parse_known_args(args, namespace)
        self._within = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._within = False
