"""Ceph: health, near-full, OSDs that are down, monitors out of quorum.

Built against documented answers; no Ceph runs in the tests.  Either the manager's prometheus module
(https://docs.ceph.com/en/reef/mgr/prometheus/, port 9283; standby managers answer an empty page), or what
``ceph -s --format json`` prints, as its restful module returns it
(https://docs.ceph.com/en/quincy/mgr/restful/, ``POST /request?wait=1``).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from argus.probes.outcome import Outcome, Part, State, one_line
from argus.probes.secret import password
from argus.probes.wire import SCHEMES, BlindError, DeniedError, ProbeError, Web

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from argus.probes.wire import Answer, Deadline

STATES = {"HEALTH_OK": State.UP, "HEALTH_WARN": State.DEGRADED, "HEALTH_ERR": State.DOWN}
BY_NUMBER = ("HEALTH_OK", "HEALTH_WARN", "HEALTH_ERR")  # ceph_health_status
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Ceph:
    """``urls`` are tried in turn, one a manager: only the active one answers.

    ``http://mgr:9283/metrics`` is the prometheus module; any URL whose answer is JSON is read as ``ceph -s``.
    """

    urls: tuple[str, ...]
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    full_max_ratio: float = 0.8

    def __post_init__(self) -> None:
        """Check the URLs.  Raises ``ValueError``."""
        for url in self.urls:
            if not url.startswith(SCHEMES):
                raise ValueError(f"{url!r} is not a URL that begins with http:// or https://")

    def run(self, deadline: Deadline) -> Outcome:
        """Ask the managers, until one knows."""
        login = (self.username, password(self.password_file)) if self.username else None
        web, why = Web(login, self.ca_file or True), ""
        for url in self.urls:
            try:
                answer = web.ok(url, deadline)
            except (ProbeError, DeniedError) as exc:
                why = why or f"{url}: {exc}"
                continue
            if answer.body.strip():
                return self.judge(answer)
            why = why or f"{url}: an empty page, as of a standby manager"
        raise ProbeError(f"no active manager: {why}")

    def judge(self, answer: Answer) -> Outcome:
        """Judge an answer of either kind."""
        if answer.body.lstrip().startswith(b"{"):
            return from_status(answer.json(), self.full_max_ratio, answer.seconds)
        return from_metrics(answer.text, self.full_max_ratio, answer.seconds)


def from_status(status: Any, full_max: float, latency: float | None = None) -> Outcome:
    """Judge ``ceph -s --format json``, bare or in the restful module's answer.  Raises ``BlindError``."""
    if isinstance(status, dict) and status.get("finished"):
        try:
            status = json.loads(status["finished"][0]["outb"])
        except (KeyError, IndexError, TypeError, ValueError):
            raise BlindError("the restful module's answer holds no finished status") from None
    health = status.get("health") if isinstance(status, dict) else None
    if not isinstance(health, dict) or health.get("status") not in STATES:
        raise BlindError("that is no answer of ceph -s: it has no health")
    checks = {
        name: str(check.get("summary", {}).get("message", name))
        for name, check in (health.get("checks") or {}).items()
        if not check.get("muted")
    }
    osds = status.get("osdmap", {})
    osds = osds.get("osdmap", osds)  # nested up to Nautilus
    pgs = status.get("pgmap", {})
    figures = {
        name: float(value)
        for name, value in (
            ("osds", osds.get("num_osds")),
            ("osds_up", osds.get("num_up_osds")),
            ("osds_in", osds.get("num_in_osds")),
            ("bytes", pgs.get("bytes_total")),
            ("used_bytes", pgs.get("bytes_used")),
        )
        if isinstance(value, int | float)
    }
    return _judge(health["status"], checks, figures, full_max, latency)


def from_metrics(text: str, full_max: float, latency: float | None = None) -> Outcome:
    """Judge the page of the prometheus module.  Raises ``BlindError`` where it does not tell the health."""
    figures: dict[str, float] = {}
    checks: dict[str, str] = {}
    parts: list[Part] = []
    status = version = ""
    for name, labels, value in samples(text):
        match name:
            case "ceph_health_status" if value in {0, 1, 2}:
                status = BY_NUMBER[int(value)]
            case "ceph_health_detail" if value:
                checks[labels.get("name", "?")] = labels.get("name", "?")
            case "ceph_osd_up":
                figures["osds"] = figures.get("osds", 0) + 1
                figures["osds_up"] = figures.get("osds_up", 0) + value
                state = State.UP if value else State.DOWN
                parts.append(Part(labels.get("ceph_daemon", "osd"), "", state))
            case "ceph_mon_quorum_status":
                state = State.UP if value else State.DOWN
                parts.append(
                    Part(labels.get("ceph_daemon", "mon"), "", state, "" if value else "out of quorum")
                )
            case "ceph_cluster_total_bytes":
                figures["bytes"] = value
            case "ceph_cluster_total_used_bytes":
                figures["used_bytes"] = value
            case "ceph_mon_metadata":
                version = version or labels.get("ceph_version", "")
            case _:
                continue
    if not status:
        raise BlindError("that page has no ceph_health_status: is it the manager's prometheus module?")
    found = _judge(status, checks, figures, full_max, latency)
    return Outcome(found.state, found.message, latency, version, tuple(parts), found.trouble, figures)


def _judge(
    status: str,
    checks: Mapping[str, str],
    figures: Mapping[str, float],
    full_max: float,
    latency: float | None,
) -> Outcome:
    state = STATES[status]
    trouble = "; ".join(f"{name}: {text}" if name != text else name for name, text in sorted(checks.items()))
    total, used = figures.get("bytes"), figures.get("used_bytes")
    if total and used is not None and used / total > full_max:
        trouble = f"{used / total:.0%} full{'; ' if trouble else ''}{trouble}"
        state = state if state is State.DOWN else State.DEGRADED
    if state is State.UP:
        trouble = ""
    return Outcome(
        state,
        one_line(trouble or ("" if state is State.UP else status)),
        latency,
        trouble=one_line(trouble),
        figures=figures,
    )


def samples(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Yield name, labels and value of each line of Prometheus' text format that has a number."""
    for line in text.splitlines():
        found = _SAMPLE.match(line)
        if not found:
            continue
        try:
            value = float(found[3])
        except ValueError:
            continue
        yield found[1], dict(_LABEL.findall(found[2] or "")), value
