"""The dashboards for Grafana ask for what there is, in a language that Prometheus reads."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from argus.catalogue import METRICS, SUBSYSTEMS
from argus.render import grafana
from argus.render.names import CORRELATOR_HOST

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(params=[*grafana.HOSTS, CORRELATOR_HOST])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    about_itself = request.param == CORRELATOR_HOST
    text = grafana.correlator_dashboard() if about_itself else grafana.dashboard(request.param, SUBSYSTEMS)
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def expressions(document: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in document["panels"] for target in panel.get("targets", ())]


def test_prometheus_reads_every_expression(document: dict[str, Any], promtool: str, tmp_path: Path) -> None:
    filled = [text.replace("$__rate_interval", "5m") for text in expressions(document)]
    rules = [{"record": f"x:line{number}", "expr": text} for number, text in enumerate(filled)]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert rules
    assert done.returncode == 0, done.stdout + done.stderr


def test_counters_and_only_counters_are_shown_as_rates(document: dict[str, Any]) -> None:
    texts = expressions(document)
    counters = re.compile(r"argus_\w+_total\b")
    rates = re.compile(r"(rate|increase)\(")
    assert [text for text in texts if bool(counters.search(text)) != bool(rates.search(text))] == []


def test_panels_do_not_overlap(document: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in document["panels"]):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_most_of_a_guests_panels_have_series_on_recorded_nodes() -> None:
    """The others are of what a recording cannot have, such as jobs and events."""
    texts = "".join(file.read_text() for file in GOLDEN.glob("*.prom"))
    told = set(re.findall(r"^(argus_\w+)", texts, re.MULTILINE))
    asked = {
        re.findall(r"argus_\w+", text)[0]
        for text in expressions(json.loads(grafana.dashboard("guest", SUBSYSTEMS)))
    }
    assert asked <= {metric.prometheus_name for metric in METRICS}
    assert len(asked & told) > 0.7 * len(asked), sorted(asked - told)


def test_the_menu_of_guests_reads_their_names_and_uuids() -> None:
    menu = json.loads(grafana.dashboard("guest", SUBSYSTEMS))["templating"]["list"][1]
    pattern = re.sub(r"\?<(\w+)>", r"?P<\1>", menu["regex"].strip("/"))  # JavaScript's named groups
    series = r'argus_guest_info{domain="i-1",name="batch \"nightly\"",project_name="p",uuid="7b1e"} 1 1700'
    found = re.search(pattern, series)
    assert found is not None
    assert (found["text"], found["value"]) == (r"batch \"nightly\"", "7b1e")
