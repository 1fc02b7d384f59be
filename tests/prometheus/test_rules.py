"""The alert rules for Prometheus fire when they should, and are about series that there are."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from argus.catalogue.exported import SERIES

REPO = Path(__file__).parents[2]
RULES = REPO / "prometheus" / "argus-rules.yaml"


def test_the_rules_fire_when_they_should_and_only_then(promtool: str) -> None:
    test = REPO / "tests" / "prometheus" / "argus-rules-test.yaml"
    for words in (["check", "rules", str(RULES)], ["test", "rules", str(test)]):
        done = subprocess.run([promtool, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_series_in_a_rule_is_one_that_the_exporter_gives() -> None:
    expressions = re.findall(r"expr: (.*)", RULES.read_text())
    used = {name for text in expressions for name in re.findall(r"argus_[a-z_]+", text)}
    assert used
    assert used <= {series.full_name for series in SERIES}
