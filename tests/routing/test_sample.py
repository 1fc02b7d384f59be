"""The sample of ``routes.yaml`` is one that can be read."""

from __future__ import annotations

from pathlib import Path

from argus import notify
from argus.routing.read import read

SAMPLE = Path(__file__).parents[2] / "etc" / "routes.yaml.sample"


def test_the_sample_can_be_read_and_escalates() -> None:
    router = read(SAMPLE, notify.options())
    told = [(due.target, due.at) for due in router.due({"severity": "HIGH"}, 0.0)]
    assert told == [
        ("pagerduty:oncall", 0.0),
        ("email:cloud@example.org", 900.0),
        ("slack:team", 900.0),
    ]
