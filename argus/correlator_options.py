"""Options of ``[correlator]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oslo_config import cfg

from argus.correlator.thresholds import ALL, BROKEN, BY_PEOPLE, NONE, ProblemTerms
from argus.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

SEVERITIES = {"none": None, "warning": 2, "average": 3, "high": 4, "disaster": 5}  # Zabbix' numbers

CORRELATOR_OPTIONS = [
    cfg.FloatOpt(
        "interval",
        default=15.0,
        min=1,
        max=3600,
        help="Seconds between two looks at Zabbix. Shorter pages sooner and asks its database more often.",
    ),
    cfg.FloatOpt(
        "watch_interval",
        default=1.0,
        min=0.5,
        max=3600,
        help="Seconds between two looks for new events in Zabbix, one small question each. What is found is "
        "looked into at once instead of at the next interval, as long as that takes a fifth of the time at "
        "most. 3600 leaves it to interval.",
    ),
    cfg.FloatOpt(
        "stale_after",
        default=90.0,
        min=5,
        help="Seconds after which a node's value is too old to judge by, and a node without newer ones does "
        "not report. Keep it at several intervals of the agent (15 s by default).",
    ),
    cfg.FloatOpt(
        "forget_after",
        default=3600.0,
        min=60,
        help="Seconds after which incidents of a node that is no longer in Zabbix are closed; two days where "
        "many nodes vanish at once, which looks like a lost permission. argus resolve ends one at any time.",
    ),
    cfg.StrOpt(
        "guest_incidents",
        default=BROKEN,
        choices=[
            (NONE, "no incident is about a guest; nodes still name the guests they take with them"),
            (BROKEN, "guests that crashed or were paused by an error"),
            (ALL, "guests that are paused or off too, whoever did it"),
        ],
        help="Which problems of guests are incidents of their own. A guest that does not come back after a "
        "failure of its node is one in any case but none.",
    ),
    cfg.StrOpt(
        "problem_severity",
        default="high",
        choices=[
            ("none", "only what has a rule of its own"),
            ("warning", "warnings, average, high and disasters"),
            ("average", "average, high and disasters"),
            ("high", "high and disasters"),
            ("disaster", "disasters only"),
        ],
        help="Problems in Zabbix of at least this severity are incidents by themselves, where no rule is "
        "about their trigger (docs/triggers.md): on the hosts in Argus' groups, and on others whose name is "
        "a node's or a controller's, if the user of [zabbix] token_file may read those.",
    ),
    cfg.ListOpt(
        "problem_tags",
        default=[],
        help="Only problems with one of these tags (TAG, or TAG=VALUE) are: team=cloud, with commas. Empty: "
        "all are. Tags of the trigger, its template and its host count.",
    ),
    cfg.ListOpt(
        "problem_tags_excluded",
        default=[],
        help="Problems with one of these tags are not: environment=lab. Wins over problem_tags.",
    ),
    cfg.ListOpt(
        "place_tags",
        default=["rack", "switch", "power"],
        help="Tags of a node's host in Zabbix that name what it shares with others (rack: r12). When most "
        "nodes of one value do not report, the rack is told, not each node.",
    ),
    cfg.StrOpt(
        "routes_file",
        default="",
        help="routes.yaml: who is told what, and when. Empty: everything goes to [smtp] recipients. "
        "argus check-config reads it, argus route test shows who would be told.",
    ),
    cfg.StrOpt(
        "maintenance_reason",
        default=BY_PEOPLE,
        help="Regular expression, from the beginning, of the reasons (openstack compute service set "
        "--disable --disable-reason) for which a disabled nova-compute counts as a maintenance: what happens "
        "on it is told when it is enabled again. The default takes any reason, but those that Nova and "
        "Masakari write by themselves; '(?i).*maintenance' takes fewer, '(?!)' none. Needs [services].",
    ),
    cfg.StrOpt(
        "dead_man_url",
        default="",
        help="A dead-man's switch (healthchecks.io or the like): asked once a minute while the auditor finds "
        "that nobody waits for a page, while cycles and delivery succeed. It pages when that stops. Empty: "
        "none.",
    ),
    cfg.FloatOpt(
        "promote_after",
        default=120.0,
        min=0,
        help="Seconds that a symptom (a guest of a node that was down) may outlive its cause before it is "
        "told by itself. Guests that start again within that time are never told.",
    ),
    cfg.IntOpt(
        "flap_count",
        default=3,
        min=1,
        help="An incident that was told and resolved so often within flap_window flaps: when it opens the "
        "next time it stays open until all has been well for flap_quiet, and each further time for twice as "
        "long, four hours at most. Before that, what it must be well for doubles each time.",
    ),
    cfg.FloatOpt("flap_window", default=86400.0, min=60, help="Seconds in which flap_count is counted."),
    cfg.FloatOpt(
        "flap_quiet",
        default=900.0,
        min=0,
        help="Seconds without trouble after which a flapping incident ends.",
    ),
    cfg.FloatOpt(
        "deliver_interval",
        default=1.0,
        min=0.2,
        max=60,
        help="Seconds between two looks for messages to send: what a page waits at most.",
    ),
    cfg.IntOpt(
        "delivery_attempts",
        default=40,
        min=1,
        help="How often a message is tried before it is given up (40 is about two hours) and counted in "
        'argus_outbox_messages{state="dead"}.',
    ),
]


def problem_terms(conf: Any) -> ProblemTerms:
    """Return which problems of Zabbix are incidents by themselves.  Raises ``ConfigError``."""
    section = conf.correlator
    return ProblemTerms(
        SEVERITIES[section.problem_severity],
        _tags(section.problem_tags, "problem_tags"),
        _tags(section.problem_tags_excluded, "problem_tags_excluded"),
    )


def _tags(words: Sequence[str], option: str) -> tuple[tuple[str, str | None], ...]:
    found = []
    for word in words:
        name, equals, value = (each.strip() for each in word.partition("="))
        if not name:
            raise ConfigError(f"[correlator] {option}: {word!r} is neither TAG nor TAG=VALUE")
        found.append((name, value if equals else None))
    return tuple(found)
