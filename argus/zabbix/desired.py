"""What Argus wants to find in a Zabbix, by name; nothing here talks to a server."""

from __future__ import annotations

from dataclasses import dataclass

from argus.render.names import GUEST_HOST, NODE_HOST, template_name

NODES_GROUP = "Argus/Nodes"
GUESTS_GROUP = "Argus/Guests"
HOST_GROUPS = (NODES_GROUP, GUESTS_GROUP)
OWN_GROUP = "Argus/Correlator"
SERVICES_GROUP = "Argus/Services"
FLEETS_GROUP = "Argus/Fleets"
FED_GROUPS = (OWN_GROUP, SERVICES_GROUP, FLEETS_GROUP)  # of hosts that the correlator feeds
ALL_GROUPS = (*HOST_GROUPS, *FED_GROUPS)
CORRELATOR = "argus-correlator"

ROLE = "Argus correlator"
USER_GROUP = "Argus"
USER = "argus"
DASHBOARD = "Argus fleet"
FALLBACK_MEDIA = "Argus: mail without the correlator"
FALLBACK_ACTION = "Argus: the correlator cannot tell"

# What the correlator calls: it reads, acknowledges, keeps the hosts of guests, and makes those that it feeds.
API_METHODS = (
    "event.acknowledge",
    "event.get",
    "history.get",
    "host.create",
    "host.delete",
    "host.get",
    "host.update",
    "hostgroup.get",
    "hostgroup.massadd",
    "hostgroup.massremove",
    "item.get",
    "problem.get",
    "proxy.get",
    "template.get",
    "trend.get",
    "trigger.get",
)
UI_ELEMENTS = ("monitoring.problems",)  # Zabbix wants at least one
UI_ACTIONS = ("acknowledge_problems", "add_problem_comments")
RANK_ACTION = "change_problem_ranking"  # since RANKS_SINCE
RANKS_SINCE = (6, 4)


@dataclass(frozen=True, slots=True)
class Registration:
    """Hosts whose metadata matches the regular expression become members of the group, with the template."""

    action: str
    metadata: str
    group: str
    template: str


# Anchored: the metadata of a guest contains its node's name, which may well be "argus-node-1".
REGISTRATIONS = (
    Registration("Argus: register nodes", "^argus-node( |$)", NODES_GROUP, template_name(NODE_HOST)),
    Registration("Argus: register guests", "^argus-guest( |$)", GUESTS_GROUP, template_name(GUEST_HOST)),
)
