"""Errors that are written for a person."""

from __future__ import annotations


class ArgusError(Exception):
    """Says in one line what happened, where (file, option, address), and what to do next.

    Commands print it and end with exit code 2; daemons log it and try again.
    """


class ConfigError(ArgusError):
    """The configuration cannot be used; the message names file, line or option, and what to do."""
