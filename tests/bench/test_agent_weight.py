"""bench/agent_weight.py runs with the agent as it is, and says what a cycle weighs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench/agent_weight.py"


def test_it_measures_memory_and_cpu_of_as_many_guests_as_wanted() -> None:
    command = [sys.executable, str(SCRIPT), "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    loaded, size, cpu = done.stdout.splitlines()
    assert re.fullmatch(r"loaded: RSS \d+ MB, peak \d+ MB", loaded)
    samples, text = (int(number) for number in re.findall(r"(\d+) (?:samples|bytes)", size))
    assert size.startswith("4 guests, ")
    assert samples > 4 * 100, "guests are told"
    assert text > 10 * samples, "a scrape gets a line of text for each"
    assert re.fullmatch(r"CPU: \d+ ms a cycle, \d+ ms a scrape", cpu)
