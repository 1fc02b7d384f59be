"""What all collectors together tell about whole recorded nodes, as Prometheus text."""

from __future__ import annotations

import difflib
import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from recorded import FIXTURES, recorded_host
from recorded_libvirt import HOSTS, two_cycles
from rich.console import Console

from argus.catalogue import agent, guest_info, guest_io, guest_numa, guest_pressure, guest_threads
from argus.catalogue.model import Metric, Value
from argus_agent import placement_view
from argus_agent.audit import report
from argus_agent.audit.checks import audit
from argus_agent.audit.facts import read_facts
from argus_agent.audit.profile import load_profile
from argus_agent.kernel.topology import read_topology
from argus_agent.placement import review
from argus_agent.placement_source import read_guests
from argus_agent.runner import Result
from argus_agent.sinks.stdout import FORMATS

GOLDEN = Path(__file__).parents[1] / "golden"
PROFILES = Path(__file__).parents[2] / "etc/profiles"
V1_PINNED, V1_FLOATING = "0d6f2c9e-58e7-4b0a-9a53-3a6e4e5b1c01", "7b1e0f3a-92c4-4d1b-8f2e-61d5a0c7e902"
V2_LARGE = "c4a0e1d2-3b5f-4c6a-9d7e-8f90a1b2c3d4"


def golden_file(name: str) -> Path:
    return GOLDEN / f"{name}.prom"


@pytest.mark.parametrize("name", HOSTS)
def test_a_recorded_node_gives_the_golden_text(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    compare(golden_file(name), FORMATS["prometheus"]("node-1", two_cycles(name, tmp_path)), request)


@pytest.mark.parametrize("name", HOSTS)
def test_a_recorded_node_gives_the_golden_picture(name: str, request: pytest.FixtureRequest) -> None:
    host, reserved = recorded_host(FIXTURES / name), frozenset({0})
    topology, guests = read_topology(host.sysfs), read_guests(host)
    picture = placement_view.picture(topology, guests, review(guests, topology, reserved), reserved)
    compare(GOLDEN / f"{name}.placement.txt", printed(lambda console: console.print(picture)), request)


@pytest.mark.parametrize(("name", "profile"), [(HOSTS[0], "tuned-2013"), (HOSTS[1], "tuned-current")])
def test_a_recorded_node_gives_the_golden_audit(
    name: str, profile: str, request: pytest.FixtureRequest
) -> None:
    wanted = load_profile(PROFILES / f"{profile}.yaml")
    rows = audit(read_facts(recorded_host(FIXTURES / name)), wanted)
    text = printed(lambda console: report.show(rows, wanted.name, console))
    compare(GOLDEN / f"{name}.audit.txt", text, request)


def printed(show: Callable[[Console], None]) -> str:
    console = Console(width=100, file=io.StringIO())
    with console.capture() as capture:
        show(console)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def compare(golden: Path, text: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        golden.write_text(text)
    before = golden.read_text()
    changes = "\n".join(difflib.unified_diff(before.splitlines(), text.splitlines(), lineterm="", n=0))
    assert not changes, f"if this is meant, run pytest --update-golden and look at git diff:\n{changes}"


@pytest.mark.parametrize("name", HOSTS)
def test_no_collector_fails_on_a_recorded_node(name: str, tmp_path: Path) -> None:
    samples = two_cycles(name, tmp_path).samples
    assert [s.labels for s in samples if s.metric == agent.SUCCESS and not s.value] == []


@pytest.mark.parametrize("name", HOSTS)
def test_promtool_finds_nothing_wrong_with_the_names(name: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: it is in Debian's package prometheus")
    with golden_file(name).open() as text:
        done = subprocess.run(
            [promtool, "check", "metrics"],
            stdin=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def values(result: Result, metric: Metric) -> dict[tuple[str, ...], Value]:
    return {s.labels: s.value for s in result.samples if s.metric == metric}


def test_vhost_is_found_as_kernel_threads_and_as_threads_of_qemu(tmp_path: Path) -> None:
    old = values(two_cycles("two-socket-v1", tmp_path), guest_threads.COUNT)
    new = values(two_cycles("two-socket-v2", tmp_path), guest_threads.COUNT)
    assert (old[V1_PINNED, "vhost"], old[V1_FLOATING, "vhost"], new[V2_LARGE, "vhost"]) == (1, 2, 2)


def test_a_guest_that_version_1_does_not_account_has_no_block_io(tmp_path: Path) -> None:
    read = values(two_cycles("two-socket-v1", tmp_path), guest_io.READ_BYTES)
    assert read == {(V1_PINNED, "sda"): 812_345_344}


def test_huge_pages_on_the_other_node_are_remote(tmp_path: Path) -> None:
    result = two_cycles("two-socket-v2", tmp_path)
    assert values(result, guest_numa.SPANNED)[V2_LARGE,] == 2
    local = values(result, guest_numa.LOCAL_RATIO)[V2_LARGE,]
    assert local == pytest.approx(0.25, abs=0.05)


def test_guests_that_span_nodes_are_as_local_as_their_readme_says(tmp_path: Path) -> None:
    result = two_cycles("two-socket-vnuma", tmp_path)
    names = {labels[0]: name for labels, name in values(result, guest_info.DOMAIN).items()}
    local = {names[labels[0]]: value for labels, value in values(result, guest_numa.LOCAL_RATIO).items()}
    assert local == {
        "instance-0000000b": 0.625,
        "instance-0000000c": 1.0,
        "instance-0000000d": 0.25,
        "instance-0000000f": pytest.approx(1.0, abs=0.01),
    }


def test_only_the_newer_node_knows_pressure(tmp_path: Path) -> None:
    metric = guest_pressure.STALLED["cpu", "some"]
    assert values(two_cycles("two-socket-v1", tmp_path), metric) == {}
    assert values(two_cycles("two-socket-v2", tmp_path), metric)[V2_LARGE,] == pytest.approx(8.923456)
