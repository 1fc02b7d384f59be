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

VERSION = _agent(
    "version",
    "Version of the agent. Nodes that were left behind by an upgrade show by it.",
    "argus.__version__",
    kind=Kind.INFO,
)
IDENTITY = _agent(
    "identity",
    "Which agent speaks: the boot of its machine and its process. It changes when the agent starts anew; in "
    "turn, it is two agents under one name.",
    "/proc/sys/kernel/random/boot_id, the agent's process id",
    kind=Kind.INFO,
)
CYCLE = _agent(
    "cycle_seconds",
    "Time that collecting took in this cycle. Near the agent's interval values come late: the times of its "
    "collectors say which is slow.",
    "the agent's clock",
    unit=Unit.SECONDS,
)
SAMPLES = _agent(
    "samples",
    "Samples collected in this cycle. Much fewer than before: a collector failed, or guests are gone.",
    "agent",
)
RSS = _agent(
    "rss_bytes",
    "Memory of the agent. It grows with the number of guests, not with time: 45 MB are enough for 200.",
    "/proc/self/statm",
    unit=Unit.BYTES,
)
CPU = _count(
    "cpu_seconds",
    "CPU time of the agent. What watching costs the node; a longer interval costs less.",
    "/proc/self/stat",
    unit=Unit.SECONDS,
)
THREADS_DOWN = _agent(
    "threads_down",
    "Threads of the agent that failed and have not been started again yet: what they do (events of libvirt, "
    "values to Zabbix, registrations, scrapes) is missing meanwhile. The agent's log names them.",
    "agent",
    shown=False,
)
THREAD_FAILURES = _count(
    "thread_failures",
    "Times that a thread of the agent failed; each is started again within a minute. It is a bug of the "
    "agent, or the machine had no memory or threads left: the log has the error.",
    "agent",
    rare=True,
)
SPOOL = _agent(
    "spool_values",
    "Documents that wait to be taken by Zabbix. Growing: Zabbix is away or refuses them.",
    "agent",
)
DROPPED = _count(
    "dropped_values",
    "Documents given up because the spool was full or Zabbix refused them too long: these are gaps in the "
    "graphs. The agent's log says which it was.",
    "agent",
    rare=True,
)
SENT = _count(
    "sent_values", "Documents that Zabbix took: one a guest and one of the node in each interval.", "agent"
)
SEND_ERRORS = _count(
    "send_errors",
    "Deliveries that no Zabbix server answered: look at the network, and at [zabbix] servers of the agent.",
    "agent",
)
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
    "Time that the collector took: which one makes the cycle long.",
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
UNREAD_FILES = Metric(
    "agent",
    "collector_unread_files",
    "Files of the node that are there but that the collector could not read or understand: not permitted, or "
    "of a form that is not known. Each costs its own value alone; the agent's log names the first.",
    "agent",
    COLLECTOR,
    shown=False,
)
_CHANGED = "last(@{0},#1)<>last(@{0},#2) and length(last(@{0}))>0"
NODATA = Macro("ARGUS.NODE.NODATA", "2m", "How long a node may be silent before it is a problem.")

SUBSYSTEM = Subsystem(
    "agent",
    "Agent",
    (
        VERSION,
        IDENTITY,
        CYCLE,
        SAMPLES,
        RSS,
        CPU,
        THREADS_DOWN,
        THREAD_FAILURES,
        SPOOL,
        DROPPED,
        SENT,
        SEND_ERRORS,
        REFUSED,
        SUCCESS,
        DURATION,
        UNREAD,
        UNREAD_FILES,
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
            "agents_share_a_name",
            "Two agents report under the name of the node",
            (IDENTITY, CYCLE),
            # An agent that starts anew never is again who it was before.
            "changecount(@1,5m)>=2 and last(@1,#1)<>last(@1,#2)"
            " and (last(@1,#1)=last(@1,#3) or last(@1,#1)=last(@1,#4)) and last(@2)>=0",
            Severity.HIGH,
            "availability",
            "Two machines, or two agents of one, use the same [DEFAULT] host: values of both are mixed, "
            "guests seem to move to and fro, and capacity counts nonsense. Look where argus-agent runs under "
            "this name (a cloned image, a container beside the host's own agent), and give one another name.",
            event_name="Two agents report under the name of the node",
            opdata="Now heard from: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "collector_failed",
            "A collector of the agent fails",
            (SUCCESS,),
            '{$ARGUS.NODE.COLLECTOR.CONTROL:"{#COLLECTOR}"}=1 and max(@1,5m)=0',
            Severity.WARNING,
            "notice",
            "The values of this subsystem are missing. The agent's log says why.",
            recovery='{$ARGUS.NODE.COLLECTOR.CONTROL:"{#COLLECTOR}"}=0 or min(@1,1m)=1',
            event_name="Collector {#COLLECTOR} of the agent fails",
            opdata="Collector: {ITEM.LASTVALUE1}",
            depends_on=("libvirt_down",),
        ),
        Trigger(
            "agent_updated",
            "Version of the agent has changed",
            (VERSION,),
            _CHANGED.format(1),
            Severity.INFO,
            "notice",
            "Somebody upgraded or downgraded the agent of this node. Nothing to do where that was planned; "
            "what looks different since then may come from it. Closes by itself.",
            event_name="Version of the agent has changed to {ITEM.VALUE1}",
            opdata="Now: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
        Trigger(
            "spool_grows",
            "Values of the node wait to be sent",
            (SPOOL,),
            "min(@1,10m)>{$ARGUS.NODE.SPOOL.MAX.WARN}",
            Severity.WARNING,
            "notice",
            "Zabbix takes values more slowly than the agent makes them, or refuses some: what is shown here "
            "is old, and the oldest are given up when the spool is full. The agent's log names who refuses "
            "what; look at the trappers and the history cache of the server or proxy.",
            recovery="max(@1,5m)<={$ARGUS.NODE.SPOOL.MAX.WARN}",
            event_name="Values of the node wait to be sent (over {$ARGUS.NODE.SPOOL.MAX.WARN} for 10m)",
            opdata="Waiting: {ITEM.LASTVALUE1}",
        ),
        Trigger(
            "agent_thread_failed",
            "A thread of the agent failed",
            (THREAD_FAILURES,),
            "last(@1)>0",
            Severity.WARNING,
            "notice",
            "A part of the agent stopped and was started again; what it does was missing meanwhile: events "
            "of libvirt, values to Zabbix, registrations or scrapes. The agent's log has the error and names "
            "the thread: report it, unless the machine was out of memory.",
            recovery="max(@1,1h)=0",
            event_name="A thread of the agent failed ({ITEM.VALUE1} times)",
            opdata="Failures, when it began: {ITEM.VALUE1}",
            manual_close=True,
        ),
        Trigger(
            "values_dropped",
            "Agent gave values up",
            (DROPPED,),
            "last(@1)>0",
            Severity.WARNING,
            "notice",
            "Values of the node or its guests are lost: the spool was full, or Zabbix refused them too "
            "long. The agent's log says which, and of which host; spool_values and spool_mb of its "
            "[zabbix] set how "
            "much is kept.",
            recovery="max(@1,1h)=0",
            event_name="Agent gave {ITEM.VALUE1} documents up",
            opdata="Documents, when it began: {ITEM.VALUE1}",
            manual_close=True,
        ),
    ),
    macros=(
        NODATA,
        Macro("ARGUS.NODE.SPOOL.MAX.WARN", "2000", "Documents that may wait to be sent for ten minutes."),
        Macro(
            "ARGUS.NODE.COLLECTOR.CONTROL", "1", "Whether a collector must work, 1 or 0; context: its name."
        ),
    ),
    graphs=(
        Graph("Agent delivery", (SPOOL, SENT, REFUSED, DROPPED, SEND_ERRORS)),
        Graph("Agent cost", (CPU, RSS)),
        Graph("Agent cycle", (CYCLE, SAMPLES)),
    ),
)
