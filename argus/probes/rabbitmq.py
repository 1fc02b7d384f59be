"""RabbitMQ: nodes, alarms, partitions and queues that grow, from the management API.

https://www.rabbitmq.com/docs/management#http-api (``/api/nodes``, ``/api/queues``, ``/api/overview``,
``/api/health/checks/node-is-quorum-critical``); AMQP 0-9-1 section 4.2.2 for the greeting on ``amqp`` ports.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from argus.probes.members import Look, address, ask, majority
from argus.probes.outcome import Outcome, Part, State, of_parts, one_line, worst
from argus.probes.secret import password
from argus.probes.wire import SCHEMES, BlindError, Deadline, ProbeError, Web, connect, reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger(__name__)

PORT = 5672
GREETING = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME = b"\x01"  # the broker answers with the method connection.start
AGE_SECONDS = 600  # over which a queue must have grown
QUEUES = (
    "api/queues?columns=name,vhost,messages,consumers,messages_details"
    f"&lengths_age={AGE_SECONDS}&lengths_incr=60"
)


@dataclass(frozen=True, slots=True)
class Rabbitmq:
    """``url`` is the management API of a node; ``more_urls`` are those of others, asked when it is silent.

    ``amqp`` are HOST[:PORT] that clients use.  A queue with more than ``queue_max`` messages that has grown
    over ten minutes is a trouble.
    """

    url: str
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    amqp: tuple[str, ...] = ()
    queue_max: int = 1000
    more_urls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check URLs and addresses.  Raises ``ValueError``."""
        for url in (self.url, *self.more_urls):
            if not url.startswith(SCHEMES):
                raise ValueError(f"{url!r} is not a URL that begins with http:// or https://")
        for host in self.amqp:
            address(host, PORT)

    def run(self, deadline: Deadline) -> Outcome:
        """Ask the management API and greet every AMQP port, both at once: one that hangs takes its time."""
        with ThreadPoolExecutor(1, thread_name_prefix="rabbitmq") as pool:
            told = pool.submit(self._ask_nodes, deadline)
            ports = self._greet_all(deadline)
            if ports and all(port.state is State.DOWN for port in ports):
                return Outcome(State.DOWN, f"no AMQP: {ports[0].message}", parts=ports)
            return told.result().judged(self.queue_max, ports)

    def _greet_all(self, deadline: Deadline) -> tuple[Part, ...]:
        return ask("amqp", self.amqp, lambda host: _greet(host, deadline)).parts if self.amqp else ()

    def _ask_nodes(self, deadline: Deadline) -> Told:
        """Ask one node after the other, each with its share of the time; raises what the last one raised."""
        urls = (self.url, *self.more_urls)
        for at, url in enumerate(urls[:-1]):
            try:
                return self._ask(url, Deadline(deadline.left() / (len(urls) - at)))
            except ProbeError as exc:
                log.info("%s: %s; asking the next node", url, exc)
        return self._ask(urls[-1], deadline)

    def _ask(self, url: str, deadline: Deadline) -> Told:
        login = (self.username, password(self.password_file)) if self.username else None
        web, base = Web(login, self.ca_file or True), url.rstrip("/")
        overview = web.ok(f"{base}/api/overview", deadline)
        nodes = web.ok(f"{base}/api/nodes", deadline).json()
        queues = web.ok(f"{base}/{QUEUES}", deadline).json()
        critical = web.get(f"{base}/api/health/checks/node-is-quorum-critical", deadline)
        # documented: 503 when a quorum queue would lose its quorum with this node
        return Told(_object(overview.json()), nodes, queues, critical.status == 503, overview.seconds)


@dataclass(frozen=True, slots=True)
class Told:
    """What one node says of the cluster; ``seconds`` is how long it took to."""

    overview: dict[str, Any]
    nodes: Any
    queues: Any
    critical: bool
    seconds: float

    def judged(self, queue_max: int, ports: Sequence[Part]) -> Outcome:
        """Make the outcome of all of it.  Raises ``BlindError``."""
        found = judge(self.nodes, self.queues, queue_max, ports)
        if found.state is State.UP and (unseen := hidden(self.overview, self.queues)):
            found = replace(found, state=State.DENIED, message=unseen)
        trouble = found.trouble
        if self.critical:
            trouble = trouble or "another node less, and queues lose their quorum"
        state = worst([found.state, State.DEGRADED]) if trouble else found.state
        message = found.message or trouble
        version = str(self.overview.get("rabbitmq_version", ""))
        return Outcome(state, message, self.seconds, version, found.parts, trouble, found.figures)


def _greet(host: str, deadline: Deadline) -> Look:
    """Send the protocol header: a broker that is stopped has an open port, and says nothing."""
    begin = deadline.elapsed
    with connect(*address(host, PORT), deadline) as connection:
        try:
            connection.settimeout(deadline.left())
            connection.sendall(GREETING)
            first = connection.recv(1)
        except OSError as exc:
            raise ProbeError(reason(exc)) from None
    if first != METHOD_FRAME:
        raise ProbeError("closes the connection" if not first else "that is no AMQP 0-9-1 broker")
    return Look(latency=deadline.elapsed - begin)


def judge(nodes: Any, queues: Any, queue_max: int, ports: Sequence[Part] = ()) -> Outcome:
    """Judge what ``/api/nodes`` and ``/api/queues`` say.  Raises ``BlindError`` for other shapes."""
    if not isinstance(nodes, list) or not isinstance(queues, list):
        raise BlindError("that is not RabbitMQ's management API: lists of nodes and queues were expected")
    parts = tuple(_node(_object(node), name) for node, name in zip(nodes, _names(nodes), strict=True))
    state, message = of_parts(parts, {"node": majority(len(parts))})
    if stopped := _stopped(nodes):
        state, message = State.DOWN, stopped
    grown = sorted(_growing([_object(queue) for queue in queues], queue_max), reverse=True)
    trouble = ""
    if grown:
        trouble = f"{len(grown)} queues grow: {', '.join(f'{name} {size}' for size, name in grown[:3])}"
        state, message = worst([state, State.DEGRADED]), message or trouble
    if any(port.state is State.DOWN for port in ports):
        port_state, port_message = of_parts(ports)
        state, message = worst([state, port_state]), message or port_message
    waiting = [size for queue in queues if (size := _number(_object(queue).get("messages"))) is not None]
    figures = {"queues": float(len(queues)), "messages": float(sum(waiting)), "nodes": float(len(parts))}
    told = (*_told_once(parts, ports), *ports)
    return Outcome(state, one_line(message), parts=told, trouble=trouble, figures=figures)


def _names(nodes: list[Any]) -> list[str]:
    """Nodes by their hosts; by their whole names where several are on one."""
    full = [str(_object(node).get("name", "?")) for node in nodes]
    hosts = [name.rpartition("@")[2] for name in full]
    return [name if hosts.count(host) > 1 else host for name, host in zip(full, hosts, strict=True)]


def _told_once(nodes: tuple[Part, ...], ports: Sequence[Part]) -> tuple[Part, ...]:
    """A node that does not run and its port are one fault: the port's, which is seen first, is told of.

    Which port is whose is not known, only how many there are of both.
    """
    dead = sum(node.state is State.DOWN for node in nodes)
    if dead > sum(port.state is State.DOWN for port in ports):
        return nodes
    return tuple(replace(node, state=State.DEGRADED) if node.state is State.DOWN else node for node in nodes)


def _node(node: dict[str, Any], name: str) -> Part:
    if node.get("running") is not True:
        return Part("node", name, State.DOWN, "does not run, or is not reachable by the others")
    if alarms := [word for word in ("mem_alarm", "disk_free_alarm") if node.get(word) is True]:
        return Part("node", name, State.DEGRADED, " and ".join(_ALARMS[word] for word in alarms))
    if node.get("partitions"):
        return Part("node", name, State.DEGRADED, f"does not see {', '.join(map(str, node['partitions']))}")
    return Part("node", name, State.UP)


_ALARMS = {"mem_alarm": "memory alarm", "disk_free_alarm": "disk alarm"}


def _stopped(nodes: list[Any]) -> str:
    """Say what keeps the whole cluster from its work, though nodes run.

    One alarm blocks every publisher of the cluster (https://www.rabbitmq.com/docs/alarms); after a partition
    the halves go on by themselves and lose each other's messages (https://www.rabbitmq.com/docs/partitions).
    """
    for node in nodes:
        for alarm, words in _ALARMS.items():
            if node.get(alarm) is True:
                return f"{words} on {node.get('name')}: publishers are blocked everywhere"
    for node in nodes:
        if node.get("partitions"):
            lost = ", ".join(map(str, node["partitions"]))
            return f"network partition: {node.get('name')} does not see {lost}"
    return ""


def hidden(overview: Any, queues: list[Any]) -> str:
    """Say that queues exist and are not shown: the list has only those of virtual hosts one may log in to."""
    there = _number(_object(_object(overview).get("object_totals")).get("queues"))
    if queues or not there:
        return ""
    return (
        f"{there:.0f} queues are not shown: give the user access to their virtual hosts "
        "(rabbitmqctl set_permissions -p VHOST USER '^$' '^$' '^$')"
    )


def _growing(queues: list[dict[str, Any]], most: int) -> Iterator[tuple[int, str]]:
    for queue in queues:
        size = _number(queue.get("messages"))
        rate = _number(_object(queue.get("messages_details")).get("avg_rate"))
        if size is not None and size > most and (rate is None or rate > 0):
            yield int(size), str(queue.get("name", "?"))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
