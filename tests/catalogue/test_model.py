"""The model refuses what would make a bad name, a bad sample or a bad template."""

from __future__ import annotations

import pytest

from argus.catalogue.model import AGENT, DISK, GUEST, NODE, Kind, Metric, Row, Sample, Unit, samples_of


@pytest.mark.parametrize("name", ["Pages", "pages-shared", "pages__shared", "_pages", "pages_"])
def test_a_name_is_lower_case_words(name: str) -> None:
    with pytest.raises(ValueError, match="is not a metric name"):
        Metric("ksm", name, "Help.", "source")


def test_a_name_carries_its_unit() -> None:
    with pytest.raises(ValueError, match="must end in _bytes"):
        Metric("memory", "total", "Help.", "source", unit=Unit.BYTES)


def test_a_state_names_its_values() -> None:
    with pytest.raises(ValueError, match="names its values"):
        Metric("ksm", "run", "Help.", "source", kind=Kind.STATE)


def test_only_gauges_are_speeds_and_only_counters_count_what_is_rare() -> None:
    with pytest.raises(ValueError, match="per_second is said of a gauge"):
        Metric("disk", "reads", "Help.", "source", kind=Kind.COUNTER, per_second=True)
    with pytest.raises(ValueError, match="rare of a counter"):
        Metric("disk", "reads", "Help.", "source", rare=True)


def test_a_sample_has_the_labels_of_its_entity() -> None:
    metric = Metric("disk", "ops", "Help.", "source", DISK)
    assert metric.sample(1, "uuid", "vda").labels == ("uuid", "vda")
    with pytest.raises(ValueError, match="takes the labels"):
        metric.sample(1, "uuid")


def test_text_is_no_number_and_a_number_no_text() -> None:
    with pytest.raises(TypeError, match="is a gauge, not str"):
        Metric("load", "avg1", "Help.", "source").sample("1")
    with pytest.raises(TypeError, match="is a info, not float"):
        Metric("thp", "enabled", "Help.", "source", kind=Kind.INFO).sample(1.0)


@pytest.mark.parametrize(
    ("metric", "prometheus", "zabbix"),
    [
        (Metric("ksm", "run", "H", "s"), "argus_node_ksm_run", "argus.node.ksm.run"),
        (
            Metric("disk", "read_ops", "H", "s", DISK, Kind.COUNTER),
            "argus_guest_disk_read_ops_total",
            "argus.guest.disk.read_ops.rate[{#DISK}]",
        ),
        (Metric("state", "", "H", "s", GUEST), "argus_guest_state", "argus.guest.state"),
        (Metric("agent", "samples", "H", "s", AGENT), "argus_agent_samples", "argus.node.agent.samples"),
        (Metric("info", "name", "H", "s", GUEST, Kind.INFO), "argus_guest_info", "argus.guest.info.name"),
        (
            Metric("agent", "version", "H", "s", AGENT, Kind.INFO),
            "argus_agent_info",
            "argus.node.agent.version",
        ),
        (
            Metric("thp", "enabled", "H", "s", NODE, Kind.INFO),
            "argus_node_thp_info",
            "argus.node.thp.enabled",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("argus_") else "",
)
def test_names_follow_from_the_declaration(metric: Metric, prometheus: str, zabbix: str) -> None:
    assert metric.prometheus_name == prometheus
    assert metric.zabbix_key == zabbix


def test_ratios_and_seconds_per_second_are_percent_in_zabbix() -> None:
    assert Metric("cpu", "used_ratio", "H", "s", unit=Unit.RATIO).zabbix_scale == 100
    assert Metric("cpu", "user_seconds", "H", "s", kind=Kind.COUNTER, unit=Unit.SECONDS).zabbix_scale == 100
    assert Metric("load", "uptime_seconds", "H", "s", unit=Unit.SECONDS).zabbix_scale == 1


def test_a_row_is_the_samples_of_what_is_known() -> None:
    reads, writes, source = (
        Metric("disk", "reads", "H", "s", DISK, Kind.COUNTER),
        Metric("disk", "writes", "H", "s", DISK, Kind.COUNTER),
        Metric("disk", "source", "H", "s", DISK, Kind.INFO),
    )
    row = Row((reads, writes, source), (0, None, "/a"), ("u", "vda"), 5.0)
    samples = [Sample(reads, 0, ("u", "vda"), 5.0), Sample(source, "/a", ("u", "vda"), 5.0)]
    assert list(samples_of([row])) == samples
    with pytest.raises(ValueError, match="takes the labels"):
        list(row._replace(labels=("u",)).samples())
    with pytest.raises(TypeError, match="not str"):
        list(row._replace(values=("0", None, "/a")).samples())
