"""Memory errors by controller and module."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argus.catalogue.model import Value, samples_of
from argus_agent.collectors.node_edac import NodeEdac
from argus_agent.cycle import Cycle, NoData
from argus_agent.host import Host


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host("n", tmp_path / "proc", tmp_path / "sys", tmp_path / "run", monotonic=lambda: 100.0)


def put(host: Host, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = host.sysfs / "devices/system/edac/mc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def told(collector: NodeEdac, cycle: Cycle) -> dict[tuple[str, ...], Value]:
    return {(s.metric.field, *s.labels): s.value for s in samples_of(collector.collect(cycle))}


CONTROLLER = {"mc0/mc_name": "Zen#0", "mc0/ce_count": "4", "mc0/ue_count": "1", "mc0/ce_noinfo_count": "0"}


@pytest.mark.parametrize("kind", ["dimm", "rank"])
def test_a_module_tells_its_errors_and_where_it_sits(host: Host, kind: str) -> None:
    module = f"mc0/{kind}12/"
    put(host, CONTROLLER | {module + "dimm_label": "P1_DIMMA1", module + "dimm_ce_count": "4"})
    put(host, {module + "dimm_ue_count": "1", "mc0/csrow0/ce_count": "4", "mc0/power/control": "auto"})
    found = told(NodeEdac(), Cycle(host, 0.0))
    assert found == {
        ("edac_corrected_errors", "mc0"): 4,
        ("edac_uncorrected_errors", "mc0"): 1,
        ("edac_corrected_errors_unplaced", "mc0"): 0,
        ("edac_name", "mc0"): "Zen#0",
        ("dimm_corrected_errors", "mc0", f"{kind}12"): 4,
        ("dimm_uncorrected_errors", "mc0", f"{kind}12"): 1,
        ("dimm_label", "mc0", f"{kind}12"): "P1_DIMMA1",
    }


def test_a_kernel_that_counts_no_modules_tells_of_rows(host: Host) -> None:
    put(
        host,
        CONTROLLER | {"mc0/dimm0/dimm_label": "A", "mc0/csrow3/ce_count": "4", "mc0/csrow3/ue_count": "1"},
    )
    put(host, {"mc0/csrow3/ch0_dimm_label": "A", "mc0/csrow3/ch1_dimm_label": "B"})
    found = told(NodeEdac(), Cycle(host, 0.0))
    assert found["dimm_corrected_errors", "mc0", "csrow3"] == 4
    assert found["dimm_label", "mc0", "csrow3"] == "A, B"
    assert ("dimm_label", "mc0", "dimm0") not in found


def test_a_module_counts_when_its_controller_does_and_is_looked_at_again_in_any_case(host: Host) -> None:
    collector = NodeEdac()
    put(host, CONTROLLER | {"mc0/dimm0/dimm_ce_count": "4"})
    told(collector, Cycle(host, 0.0))
    put(host, {"mc0/ce_count": "5", "mc0/dimm0/dimm_ce_count": "5"})
    assert told(collector, Cycle(host, 15.0))["dimm_corrected_errors", "mc0", "dimm0"] == 5
    put(host, {"mc0/dimm0/dimm_label": "P1_DIMMA1"})
    later = Cycle(replace(host, monotonic=lambda: 1000.0), 900.0)
    assert told(collector, later)["dimm_label", "mc0", "dimm0"] == "P1_DIMMA1"


def test_a_count_that_is_none_costs_itself_and_is_said_every_time(host: Host) -> None:
    collector = NodeEdac()
    put(
        host,
        CONTROLLER | {"mc0/ce_count": "-1", "mc0/dimm0/dimm_ce_count": "?", "mc0/dimm0/dimm_ue_count": "0"},
    )
    for at in (0.0, 15.0):
        cycle = Cycle(host, at)
        found = told(collector, cycle)
        assert ("edac_corrected_errors", "mc0") not in found
        assert found["edac_uncorrected_errors", "mc0"] == 1
        assert found["dimm_uncorrected_errors", "mc0", "dimm0"] == 0
        assert [path.rpartition("/mc/")[2] for path in cycle.unread_files] == [
            "mc0/ce_count",
            "mc0/dimm0/dimm_ce_count",
        ]


def test_controllers_come_in_the_order_of_their_numbers(host: Host) -> None:
    put(host, {f"mc{number}/ce_count": "0" for number in (10, 2)})
    names = [
        labels[1] for labels in told(NodeEdac(), Cycle(host, 0.0)) if labels[0] == "edac_corrected_errors"
    ]
    assert names == ["mc2", "mc10"]


@pytest.mark.parametrize("folder", ["", "devices/system/edac/mc/power"])
def test_no_controller_is_not_no_error(host: Host, folder: str) -> None:
    (host.sysfs / folder).mkdir(parents=True)
    with pytest.raises(NoData):
        told(NodeEdac(), Cycle(host, 0.0))
