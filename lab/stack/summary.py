"""What a person wants to know when the lab is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.components.argus_setup import ZABBIX_PASSWORD, ZABBIX_USER
from stack.env_file import variables
from stack.status import print_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.lab import Lab
    from stack.runner import Step


def print_summary(lab: Lab, steps: Sequence[Step], seconds: float) -> None:
    known = variables(lab)
    print()
    print_status(lab, "table")
    slowest = sorted(steps, key=lambda step: -step.seconds)[:5]
    lines = {
        "Zabbix": f"{known['ZABBIX_URL']}   (login {ZABBIX_USER} / {ZABBIX_PASSWORD})",
        "agent": known["AGENT_METRICS_URL"],
        "correlator": known["ARGUS_METRICS_URL"],
        "mails": known["MAILBOX_DIR"],
        "logs": str(lab.run / "log"),
        "slowest steps": ", ".join(f"{step.name} {step.seconds:.1f} s" for step in slowest),
        "next": f". {lab.run / 'env'}; argus incidents    ./lab/status    ./lab/down",
    }
    print()
    for name, text in lines.items():
        print(f"{name:14} {text}")
    print(f"\nup in {seconds:.0f} s", flush=True)
