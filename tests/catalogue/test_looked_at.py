"""Items that nobody looks at are off: each costs the server memory on every host."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import argus
from argus.catalogue import METRICS, SUBSYSTEMS
from argus.catalogue.exported_fleet import SUMMED
from argus.catalogue.model import Kind, Metric
from argus.correlator.rules import RULES
from argus.render.dashboards import TILES

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_TRIGGERS = {metric for s in SUBSYSTEMS for trigger in s.triggers for metric in trigger.metrics}
DRAWN = {metric for s in SUBSYSTEMS for graph in s.graphs for metric in graph.metrics}
READERS = ("zabbix", "correlator")  # packages that ask Zabbix for values; the fleet dashboard is in the first


def read() -> Iterator[Metric]:
    """What Argus asks Zabbix for, to decide, to tell or to show on its own dashboard."""
    yield from SUMMED
    yield from (metric for rule in RULES for metric in rule.needs)
    modules = {s.name: importlib.import_module(f"argus.catalogue.{s.name}") for s in SUBSYSTEMS}
    named = re.compile(rf"\b({'|'.join(modules)})\.([A-Z_]+)\b")
    for path in (p for name in READERS for p in (Path(argus.__path__[0]) / name).rglob("*.py")):
        for module, name in named.findall(path.read_text()):
            metric = getattr(modules[module], name, None)
            if isinstance(metric, Metric):
                yield metric


READ = set(read())
# Texts and states that a person looks up when a problem, an incident or a command sends him there.
LOOKED_UP = {
    "argus.guest.info.domain": "the name that virsh wants",
    "argus.guest.qemu.version": "what the guests run: the trigger says to look",
    "argus.guest.qemu.machine": "which guests a new QEMU will not start any more",
    "argus.guest.qemu.outdated": "which guests to migrate: the trigger says to look",
    "argus.guest.disk.source": "where a slow disk is kept: its trigger says to look",
    "argus.guest.disk.serial": "the UUID of the Cinder volume",
    "argus.guest.disk.error": "which error paused the guest: its trigger says to look",
    "argus.guest.nic.device": "the name that tcpdump and ip link want",
    "argus.guest.nic.source": "where the interface is plugged in",
    "argus.node.block.scheduler": "how the device is shared between guests",
    "argus.node.block.kernel_name": "the name that iostat and the kernel's log use",
    "argus.node.block.members": "what a slow array or map is made of: its trigger says to look",
    "argus.node.filesystem.source": "which disk or server a full or silent file system is on",
    "argus.node.md.level": "how many disks an array may lose",
    "argus.node.md.action": "whether a degraded array is being rebuilt",
    "argus.node.cpufreq.governor": "why the frequency is low",
    "argus.node.dimm.label": "where the module to replace sits: the trigger says to look",
    "argus.node.thp.enabled": "why there are no huge pages",
    "argus.node.thp.defrag": "why guests wait for compaction",
    "argus.service.probe.version": "what runs there",
}


def prefix(metric: Metric) -> str:
    return metric.zabbix_key.partition("[")[0]


def test_an_item_that_is_on_is_in_a_trigger_a_graph_a_tile_or_read_by_argus() -> None:
    tiles = {(host, field) for host, titles in TILES.items() for field in titles}
    unseen = [
        prefix(metric)
        for metric in METRICS
        if metric.shown
        and metric not in IN_TRIGGERS | DRAWN | READ
        and (metric.entity.host, metric.field) not in tiles
        and prefix(metric) not in LOOKED_UP
    ]
    assert unseen == [], "draw them, or declare them with shown=False"


def test_what_argus_reads_draws_or_judges_is_on() -> None:
    off = [prefix(m) for m in IN_TRIGGERS | DRAWN | READ if not m.shown]
    assert off == []


def test_what_is_only_looked_up_is_a_text_or_a_state() -> None:
    by_key = {prefix(metric): metric for metric in METRICS}
    kinds = {key: by_key[key].kind for key in LOOKED_UP}
    assert set(kinds.values()) <= {Kind.INFO, Kind.STATE}
    assert all(by_key[key].shown for key in LOOKED_UP)
