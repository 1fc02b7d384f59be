"""What ``argus exporter`` tells Prometheus alone, read from SQL at each scrape: each series declared once.

The correlator tells Zabbix the part of it that ``correlator.py`` declares, under names of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One family of series; ``name`` is Prometheus' without the ``_total`` of a counter."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    counter: bool = False

    @property
    def full_name(self) -> str:
        """Return the name as queries have it."""
        return f"{self.name}_total" if self.counter else self.name


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of the dashboard for Grafana: what is drawn, and the legend of each line.

    ``by`` are the labels that stay; of a counter the increase in the panel's interval is drawn, else the sum.
    ``there`` leaves out lines that are 0.
    """

    title: str
    series: tuple[Series, ...]
    by: tuple[str, ...] = ()
    unit: str = "short"
    stacked: bool = False
    there: bool = False


DATABASE_UP = Series("argus_database_up", "Whether the correlator's database can be read.")
INCIDENTS = Series(
    "argus_incidents",
    "Incidents that are not resolved; pending ones have been told to nobody yet.",
    ("state", "severity", "rule", "kind"),
)
OPENED = Series(
    "argus_incident_opened_timestamp_seconds",
    "When each open incident was opened (the newest 500).",
    ("incident", "rule", "subject", "severity"),
)
SYMPTOMS = Series("argus_incident_symptoms", "Open incidents that are told only with their cause.")
HELD = Series("argus_incident_held", "Incidents about which nothing is known now.")
SILENCES = Series("argus_silences_active", "Silences that hold now.")
MESSAGES = Series(
    "argus_outbox_messages", "Messages by how far they came; dead ones were given up.", ("state",)
)
OLDEST = Series(
    "argus_outbox_oldest_age_seconds",
    "How long the oldest message that is not sent yet has been due; 0 for none.",
)
NOTIFICATIONS = Series(
    "argus_notifications",
    "Attempts to send a message, by receiver and result.",
    ("receiver", "result"),
    counter=True,
)
FAILURES = Series("argus_receiver_failures", "Failures in a row; 0 for a receiver that works.", ("receiver",))
RECEIVER_UP = Series(
    "argus_receiver_up",
    "Whether it takes messages, by its last probe or message; absent for one that was never asked.",
    ("receiver",),
)
VIOLATIONS = Series(
    "argus_audit_violations", "Incidents that break an invariant of delivery.", ("invariant",)
)
TASK_AGE = Series("argus_task_last_success_age_seconds", "Time since the task last succeeded.", ("task",))
TASK_SECONDS = Series("argus_task_duration_seconds", "Duration of its last run.", ("task",))
TASK_FAILING = Series("argus_task_failing", "Whether its last run failed.", ("task",))
TASK_RUNS = Series("argus_task_runs", "Runs, by result.", ("task", "result"), counter=True)
CURSOR_AGE = Series(
    "argus_cursor_age_seconds",
    "Time since what is read between cycles was last read whole, or since its cursor moved.",
    ("source",),
)
LEASE = Series("argus_lease_remaining_seconds", "How long it is held; 0 when it is free.", ("lease",))
ACQUISITIONS = Series("argus_lease_acquisitions", "How often it was taken.", ("lease",), counter=True)

SERIES = (
    DATABASE_UP, INCIDENTS, OPENED, SYMPTOMS, HELD, SILENCES, MESSAGES, OLDEST, NOTIFICATIONS, FAILURES,
    RECEIVER_UP, VIOLATIONS, TASK_AGE, TASK_SECONDS, TASK_FAILING, TASK_RUNS, CURSOR_AGE, LEASE, ACQUISITIONS,
)  # fmt: skip

PAGES = {
    "Incidents": (
        Panel("Open and pending, by severity", (INCIDENTS,), ("state", "severity"), stacked=True),
        Panel("By rule", (INCIDENTS,), ("rule",), stacked=True, there=True),
        Panel("Symptoms, held, silences", (SYMPTOMS, HELD, SILENCES)),
        Panel("Invariants of delivery that are broken", (VIOLATIONS,), ("invariant",)),
    ),
    "Delivery": (
        Panel("Oldest message that waits", (OLDEST,), unit="s"),
        Panel("Messages by how far they came", (MESSAGES,), ("state",)),
        Panel("Notifications by receiver and result", (NOTIFICATIONS,), ("receiver", "result")),
        Panel("Receivers: up, and failures in a row", (RECEIVER_UP, FAILURES), ("receiver",)),
    ),
    "Work": (
        Panel("Time since tasks succeeded", (TASK_AGE,), ("task",), unit="s"),
        Panel("Duration of tasks", (TASK_SECONDS,), ("task",), unit="s"),
        Panel("Runs by result", (TASK_RUNS,), ("task", "result")),
        Panel("Age of what is read between cycles", (CURSOR_AGE,), ("source",), unit="s"),
        Panel("Leases: time left", (LEASE,), ("lease",), unit="s"),
        Panel("Database", (DATABASE_UP,)),
    ),
}
