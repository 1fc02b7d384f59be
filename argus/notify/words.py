"""Times in the words of messages."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a span of time in hours and minutes, or minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
