"""The agent about itself: whether it measures, delivers, and stays small."""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import (
    AGENT,
    COLLECTOR,
    Graph,
    Kind,
    Macro,
    Metric,
    Severity,
    Subsystem,
    Trigger,
    Unit,
)

_agent = partial(Metric, "agent", entity=AGENT)
_count = partial(_agent, kind=Kind.COUNTER)

VERSION = _agent("version", "Version of the agent.", "argus.__version__", kind=Kind.INFO)
CYCLE = _agent(
    "cycle_seconds", "Time that collecting took in this cycle.", "the agent's clock", unit=Unit.SECONDS
)
SAMPLES = _agent("samples", "Samples collected in this cycle.", "agent")
RSS = _agent("rss_bytes", "Memory of the agent.", "/proc/self/statm", unit=Unit.BYTES)
CPU = _count("cpu_seconds", "CPU time of the agent.", "/proc/self/stat", unit=Unit.SECONDS)
SPOOL = _agent(
    "spool_values",
    "Documents that wait to be taken by Zabbix. Growing: Zabbix is away or refuses them.",
    "agent",
)
DROPPED = _count(
    "dropped_values",
    "Documents given up because the spool was full or Zabbix refused them too long.",
    "agent",
)
SENT = _count("sent_values", "Documents that Zabbix took.", "agent")
SEND_ERRORS = _count("send_errors", "Deliveries that no Zabbix server answered.", "agent")
REFUSED = _count(
    "refused_values", "Documents that Zabbix refused at least once; they are sent again.", "agent"
)
SUCCESS = Metric(
    "agent",
    "collector_success",
    "Whether the collector ended without an error; a subsystem that the node lacks is no error.",
    "agent",
    COLLECTOR,
    Kind.STATE,
    states={0: "failed", 1: "ok"},
)
DURATION = Metric(
    "agent",
    "collector_duration_seconds",
    "Time that the collector took.",
    "agent",
    COLLECTOR,
    unit=Unit.SECONDS,
    shown=False,
)
UNREAD = Metric(
    "agent",
    "collector_unread_guests",
    "Guests of which the collector could not read or understand something: files that user argus may not "
    "read, or of a form that is not known. Guests that ended and files that the kernel lacks do not count.",
    "agent",
    COLLECTOR,
    shown=False,
)
NODATA = Macro("ARGUS.NODE.NODATA", "2m", "How long a node may be silent before it is a problem.")

SUBSYSTEM = Subsystem(
    "agent",
    "Agent",
    (
        VERSION,
        CYCLE,
        SAMPLES,
        RSS,
        CPU,
        SPOOL,
        DROPPED,
        SENT,
        SEND_ERRORS,
        REFUSED,
        SUCCESS,
        DURATION,
        UNREAD,
    ),
    triggers=(
        Trigger(
            "node_data_missing",
            "Node sends no data",
            (CYCLE,),
            "nodata(@1,{$ARGUS.NODE.NODATA})=1",
            Severity.HIGH,
            "availability",
            "The node is down, cut off from Zabbix, or its agent does not run. Ping the node; on it see "
            "systemctl status argus-agent and its log, which names the Zabbix servers that it cannot reach.",
            event_name="Node sends no data (for {$ARGUS.NODE.NODATA})",
        ),
        Trigger(
            "collector_failed",
            "A collector of the agent fails",
            (SUCCESS,),
            '{$ARGUS.NODE.COLLECTOR.CONTROL:"{#COLLECTOR}"}=1 and max(@1,5m)=0',
            Severity.WARNING,
            "notice",
            "The values of this subsystem are missing. The agent's log says why.",
            event_name="Collector {#COLLECTOR} of the agent fails",
            opdata="{ITEM.LASTVALUE1}",
            depends_on=("libvirt_down",),
        ),
    ),
    macros=(
        NODATA,
        Macro(
            "ARGUS.NODE.COLLECTOR.CONTROL", "1", "Whether a collector must work, 1 or 0; context: its name."
        ),
    ),
    graphs=(
        Graph("Agent cost", (CPU, RSS)),
        Graph("Agent cycle", (CYCLE,)),
        Graph("Agent delivery", (SPOOL, SENT, REFUSED, DROPPED)),
    ),
)
