"""The correlator about itself, in Zabbix: whether it looks, decides and delivers.

``argus exporter`` gives the same to Prometheus, under names of its own.
"""

from __future__ import annotations

from functools import partial

from argus.catalogue.model import Entity, Graph, Kind, Macro, Metric, Severity, Subsystem, Trigger, Unit

CORRELATOR = Entity("correlator", "correlator")
TASK = Entity("task", "correlator", ("task",), "tasks")

_incidents = partial(Metric, "incidents", source="argus database, incidents", entity=CORRELATOR)
_outbox = partial(Metric, "outbox", source="argus database, outbox", entity=CORRELATOR)

OPEN = _incidents("open", "Incidents that are open: what argus incidents lists.")
HIGH = _incidents(
    "open_high", "Open incidents of severity high: somebody was paged for each that is not silenced."
)
AVERAGE = _incidents("open_average", "Open incidents of severity average: argus incidents lists them.")
WARNING = _incidents("open_warning", "Open incidents of severity warning: argus incidents lists them.")
PENDING = _incidents("pending", "Findings that have not stood long enough to become incidents.")
LIST = _incidents(
    "list",
    "The open incidents, the newest first, a line each: since when, how severe, what, and its number for "
    "argus explain. Causes only: what follows from one is held back and counted.",
    kind=Kind.INFO,
    listing=True,
)
WAITING = _outbox("waiting", "Messages that wait to be accepted by their receiver.")
OLDEST = _outbox(
    "oldest_age_seconds",
    "Age of the oldest message that waits; 0 when none does. Growing: a receiver refuses or does not answer.",
    unit=Unit.SECONDS,
)
DEAD = _outbox("dead", "Messages given up after all attempts: somebody was not told.")
QUEUE = Metric(
    "queue",
    "tasks_waiting",
    "Tasks in the queue that no worker has taken yet; absent where argus run does all in one process. "
    "Growing: more is asked of the workers than they do.",
    "Redis, length of Celery's queue",
    CORRELATOR,
)
TASK_AGE = Metric(
    "task",
    "success_age_seconds",
    "Time since the task last did what it is for, or since it first ran where it never did: the age of its "
    "cursor on the world.",
    "argus database, progress",
    TASK,
    unit=Unit.SECONDS,
)
TASK_MAY_AGE = Metric(
    "task",
    "may_age_seconds",
    "How old its last success may be: three of its intervals and a run that takes long, at least five "
    "minutes; 0 for a task that argus.conf does not ask for (any more).",
    "argus.conf",
    TASK,
    unit=Unit.SECONDS,
)
TASK_SECONDS = Metric(
    "task",
    "duration_seconds",
    "Time that its last run took. Near its period: the database, Zabbix or the cloud is slow to answer.",
    "argus database, progress",
    TASK,
    unit=Unit.SECONDS,
)

SUBSYSTEM = Subsystem(
    "correlator",
    "Correlator",
    (
        OPEN,
        HIGH,
        AVERAGE,
        WARNING,
        PENDING,
        LIST,
        WAITING,
        OLDEST,
        DEAD,
        QUEUE,
        TASK_AGE,
        TASK_MAY_AGE,
        TASK_SECONDS,
    ),
    triggers=(
        Trigger(
            "correlator_silent",
            "Correlator sends no data",
            (OPEN,),
            "nodata(@1,{$ARGUS.CORRELATOR.NODATA})=1",
            Severity.HIGH,
            "availability",
            "No worker of the correlator runs, or it cannot reach its database or this Zabbix: nobody is "
            "paged meanwhile. See systemctl status argus-worker argus-beat (or argus), and their log.",
            event_name="Correlator sends no data (for {$ARGUS.CORRELATOR.NODATA})",
        ),
        Trigger(
            "task_late",
            "Task {#TASK} of the correlator has not succeeded lately",
            (TASK_AGE, TASK_MAY_AGE),
            'last(@1)>last(@2)*{$ARGUS.CORRELATOR.TASK.AGE.FACTOR:"{#TASK}"} and last(@2)>0',
            Severity.HIGH,
            "availability",
            "The task fails or is not run. The log of the worker says why; argus_task_* of the exporter "
            "and argus check-config help. correlate decides, deliver pages, guests keeps hosts in Zabbix.",
            event_name="Task {#TASK} of the correlator has not succeeded (for {ITEM.VALUE1}, over "
            '{$ARGUS.CORRELATOR.TASK.AGE.FACTOR:"{#TASK}"} x {ITEM.VALUE2})',
            opdata="Last success: {ITEM.LASTVALUE1} ago, allowed: {ITEM.LASTVALUE2}",
            depends_on=("correlator_silent",),
        ),
        Trigger(
            "outbox_stuck",
            "Messages of the correlator are not accepted",
            (OLDEST,),
            "min(@1,2m)>{$ARGUS.CORRELATOR.OUTBOX.AGE.MAX}",
            Severity.HIGH,
            "availability",
            "Pages wait. argus explain ID names the receiver and its last answer; look at the mail server or "
            "the receiver's service, and at [smtp] in argus.conf. Waiting messages go out by themselves.",
            recovery="last(@1)=0",
            event_name="Messages of the correlator are not accepted (for {$ARGUS.CORRELATOR.OUTBOX.AGE.MAX})",
            opdata="Oldest: {ITEM.LASTVALUE1}",
            depends_on=("correlator_silent",),
        ),
        Trigger(
            "workers_behind",
            "Workers of the correlator do not keep up",
            (QUEUE,),
            "min(@1,5m)>{$ARGUS.CORRELATOR.QUEUE.MAX}",
            Severity.AVERAGE,
            "performance",
            "Tasks wait for a worker, so that incidents and pages come late. See how long each task takes "
            "(items Task: duration) and whether all workers run (systemctl status argus-worker); "
            "start more of them, or raise --concurrency.",
            recovery="max(@1,2m)<={$ARGUS.CORRELATOR.QUEUE.MAX}/2",
            event_name="Workers of the correlator do not keep up "
            "(over {$ARGUS.CORRELATOR.QUEUE.MAX} tasks wait for 5m)",
            opdata="Tasks waiting: {ITEM.LASTVALUE1}",
            depends_on=("correlator_silent",),
        ),
        Trigger(
            "messages_given_up",
            "Messages of the correlator were given up",
            (DEAD,),
            "last(@1)>last(@1,#2)",
            Severity.AVERAGE,
            "notice",
            "Somebody was not told of an incident, after all attempts. argus incidents --all and argus "
            "explain ID name the incident and the receiver; mend the receiver, and tell the person.",
            recovery="max(@1,1h)=min(@1,1h)",
            opdata="Given up so far: {ITEM.LASTVALUE1}",
            manual_close=True,
        ),
    ),
    macros=(
        Macro(
            "ARGUS.CORRELATOR.NODATA", "5m", "How long the correlator may be silent before it is a problem."
        ),
        Macro(
            "ARGUS.CORRELATOR.TASK.AGE.FACTOR",
            "1",
            "By what the time is multiplied that a task may go without success, which follows its interval "
            "in argus.conf; with the context of a task for that one.",
        ),
        Macro("ARGUS.CORRELATOR.OUTBOX.AGE.MAX", "5m", "How long a message may wait for its receiver."),
        Macro("ARGUS.CORRELATOR.QUEUE.MAX", "100", "How many tasks may wait for a worker for 5 minutes."),
    ),
    graphs=(
        Graph("Incidents", (HIGH, AVERAGE, WARNING, PENDING)),
        Graph("Messages", (WAITING, DEAD, QUEUE, OLDEST)),
        Graph("Task {#TASK}: age and duration", (TASK_AGE, TASK_SECONDS)),
    ),
)
