"""One service's API as a probe uses it: who answers at its root, and what it tells whoever has a token."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from argus.openstack.answer import Why
from argus.probes.outcome import Outcome, Part, State, of_parts, one_line, worst
from argus.probes.wire import BlindError, DeniedError, ProbeError, Web

if TYPE_CHECKING:
    from argus.openstack.answer import Answer
    from argus.openstack.cloud import Cloud
    from argus.probes.wire import Deadline

VERSION = re.compile(r"/v\d[^/]*(/.*)?$")
OUTAGES = {Why.UNREACHABLE, Why.LATE, Why.FAILED}


@dataclass(frozen=True, slots=True)
class Api:
    """``url`` is the endpoint of the catalogue, ``type`` the service's official type.

    ``token`` says why there is no token; empty when there is one.  ``answered`` keeps how long the root took
    and its version, for what is refused afterwards: that it answers is known all the same.
    """

    cloud: Cloud
    type: str
    url: str
    deadline: Deadline
    token: str = ""
    verify: bool | str = True
    answered: list[tuple[float, str]] = field(default_factory=list)

    def root(self, path: str = "/", *, known: tuple[int, ...] = (200, 300)) -> tuple[float, str]:
        """Return how long the root took to answer, and the newest version it names.

        Needs no token: so it tells that a process is there, even while Keystone is not.  Whether it works is
        another question: with the database gone it goes on answering.  Raises ``ProbeError``.
        """
        answer = Web(verify=self.verify).get(VERSION.sub("", self.url).rstrip("/") + path, self.deadline)
        if answer.status in {401, 403}:
            self.answered.append((answer.seconds, ""))
            return answer.seconds, ""
        if answer.status not in known:
            raise ProbeError(answer.says)
        try:
            version = newest(answer.json())
        except BlindError:
            version = ""
        self.answered.append((answer.seconds, version))
        return answer.seconds, version

    def need_token(self) -> None:
        """Raise ``BlindError`` where there is no token: no user gets any further either."""
        if self.token:
            raise BlindError(f"cannot be asked: {self.token}")

    def read(self, path: str, key: str = "", microversion: str | None = None) -> Any:
        """Return an answer, or the whole list ``key`` of it.

        Raises ``ProbeError``, ``DeniedError`` or ``BlindError`` as it would look to a user.
        """
        self.need_token()
        left = self.deadline.left()
        if key:
            return _value(self.cloud.pages(self.type, path, key, microversion, left))
        return _value(self.cloud.get(self.type, path, microversion, left))


def _value(answer: Answer) -> Any:
    if answer.ok:
        return answer.value
    says = f"GET {answer.path}: {answer.detail}"
    if answer.why is Why.NOT_PERMITTED:
        raise DeniedError(says)
    if answer.why in OUTAGES:
        raise ProbeError(says)
    raise BlindError(says)


def newest(document: Any) -> str:
    """Return the newest version of a document of versions, in any of the shapes that services use."""
    if not isinstance(document, dict):
        return ""
    versions = document.get("versions") or [document.get("version")]
    if isinstance(versions, dict):
        versions = versions.get("values")
    if not isinstance(versions, list):
        return ""
    found = [
        str(each.get("max_version") or each.get("version") or each.get("id") or "").lstrip("v")
        for each in versions
        if isinstance(each, dict)
    ]
    return max(found, key=_numbers, default="")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(word) for word in re.findall(r"\d+", version))


def with_parts(
    latency: float, version: str, parts: list[Part], trouble: str = "", **figures: float
) -> Outcome:
    """Judge a service whose API answers by its parts and what else is wrong."""
    state, message = of_parts(parts) if parts else (State.UP, "")
    if trouble:
        state = worst([state, State.DEGRADED])
    text = "; ".join(word for word in (message, trouble) if word)
    return Outcome(state, one_line(text), latency, version, tuple(parts), one_line(trouble), figures)


def rows(value: Any, key: str = "") -> list[dict[str, Any]]:
    """Return the objects of a list, or of the list ``key`` of an object.  Raises ``BlindError``."""
    found = value.get(key) if key and isinstance(value, dict) else value
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BlindError(f"the answer has no list {key}".rstrip())
    return found
