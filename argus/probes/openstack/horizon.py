"""Horizon: does the page to log in really render: a form with a password, and no error page with status 200.

The form is that of ``openstack_auth`` (templates/auth/_login_form.html), which has a second, hidden field of
type password that browsers may fill in place of the real one.
"""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from argus.probes.outcome import Outcome, State
from argus.probes.wire import ProbeError, Web

if TYPE_CHECKING:
    from argus.probes.wire import Deadline


@dataclass(frozen=True, slots=True)
class Horizon:
    """``url`` is what users type; redirects to the page to log in are followed."""

    url: str
    verify: bool | str = True

    def run(self, deadline: Deadline) -> Outcome:
        """Ask for the page."""
        answer = Web(verify=self.verify).get(self.url, deadline)
        if answer.status != 200:
            raise ProbeError(answer.says)
        if lacking := lacks(answer.text):
            raise ProbeError(f"the page to log in has no {lacking}")
        return Outcome(State.UP, "", answer.seconds)


def lacks(page: str) -> str:
    """Return what the page to log in lacks; empty when it is whole."""
    form = _Form()
    form.feed(page)
    return next((name for name, there in form.found.items() if not there), "")


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found = {"form that is sent by POST": False, "field for a password": False, "CSRF token": False}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look for the form and its fields."""
        has = dict(attrs)
        if tag == "form" and (has.get("method") or "").lower() == "post":
            self.found["form that is sent by POST"] = True
        if tag == "input" and (has.get("type"), has.get("name")) == ("password", "password"):
            self.found["field for a password"] = True
        if tag == "input" and has.get("name") == "csrfmiddlewaretoken":
            self.found["CSRF token"] = True
