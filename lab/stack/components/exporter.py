"""The exporter: what the correlator knows, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.daemon import Daemon, metrics

if TYPE_CHECKING:
    from stack.lab import Lab


def metrics_url(lab: Lab) -> str:
    return f"http://127.0.0.1:{lab.ports['exporter']}/metrics"


EXPORTER = Daemon(
    "exporter",
    ("argus-setup",),
    argv=lambda lab: [lab.bin("argus"), "exporter"],
    ask=lambda lab: metrics(metrics_url(lab), "argus_"),
)
