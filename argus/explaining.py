"""``argus explain``: why an incident is as it is, who was told, and why others were not."""

# ruff: noqa: T201  # commands print
from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from rich.text import Text

from argus import config, site
from argus.correlator.rulebook import BOOK
from argus.cycle import labels
from argus.errors import ArgusError
from argus.listing import as_dict, clock, console, iso, table_of
from argus.routing.times import NEVER
from argus.store import guests, health, reports, silences, topology
from argus.store.models import SilenceRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.orm import Session

    from argus.correlator.thresholds import Policy
    from argus.routing.tree import Router
    from argus.store.engine import Store
    from argus.store.models import DecisionRow, IncidentRow, OutboxRow


@dataclass(frozen=True, slots=True)
class Terms:
    """What the answer depends on beside the database; without a router, ``why`` says why there is none."""

    policy: Policy
    router: Router | None
    why: str = ""

    @classmethod
    def of(cls, conf: Any) -> Self:
        """Read it; a mistake in ``routes.yaml`` is part of the answer."""
        try:
            return cls(config.policy(conf), site.routes(conf))
        except ArgusError as exc:
            return cls(config.policy(conf), None, str(exc))


@dataclass(frozen=True, slots=True)
class Answer:
    """One sentence about who was told or not; ``receiver`` is empty for what concerns all."""

    receiver: str
    told: bool
    why: str


def explain(store: Store, what: str, terms: Terms, *, form: str) -> int:
    """Print what there is to say about an incident, or about the newest ones of a subject."""
    now = time.time()
    with store.read() as session:
        mine = () if what.isdigit() else reports.about(session, what)
        numbers = [int(what)] if what.isdigit() else [row.id for row in mine]
        rows = [reports.incident(session, number) for number in numbers]
        found = [_told(session, row, number, terms, now) for row, number in zip(rows, numbers, strict=True)]
        short = [] if what.isdigit() else list(reports.dropped(session, what))
        last = next((row.last_success for row in reports.progress(session) if row.task == "correlate"), None)
        known = "" if what.isdigit() or found or short else _known(session, what)
    if not (what.isdigit() or found or short or known):
        looked = f"; the last look at the facts was {clock(last)}" if last else "; argus has never looked yet"
        raise ArgusError(
            f"nothing is recorded about {what!r}, neither an incident nor a stay of a guest{looked}. "
            "Names are those of hosts in Zabbix"
        )
    if what.isdigit() and not found[0]["incident"] and not found[0]["decisions"]:
        raise ArgusError(f"there is no incident {what}; argus incidents --all lists them")
    if form == "json":
        over = [_decision(each) for each in short]
        told = found[0] if what.isdigit() else {"subject": what, "incidents": found, "too_short": over}
        print(json.dumps(told, indent=2))
        return 0
    for row, each in zip(rows, found, strict=True):
        _print(row, each)
    for decision in short:
        print(f"{clock(decision.at)}  {decision.rule}: {decision.detail}")
    if not found and not short:
        looked = f"the last look at the facts was {clock(last)}" if last else "argus has never looked yet"
        print(f"{known} and nothing was found about it; {looked}. argus alerts lists what is wrong")
    return 0


def _known(session: Session, word: str) -> str:
    """Say what a word names of which no incident tells; empty for what nobody knows."""
    if {*guests.called(session, word)} or topology.stays_of(session, {word}):
        return f"{word} is a guest"
    if topology.stays_on(session, {word}):
        return f"{word} is a node"
    return ""


def _told(session: Session, row: IncidentRow | None, number: int, terms: Terms, now: float) -> dict[str, Any]:
    messages = reports.messages(session, number)
    answers = list(answers_of(session, row, messages, terms, now)) if row else []
    return {
        "incident": as_dict(row) if row else None,
        "decisions": [_decision(each) for each in reports.decisions(session, number)],
        "messages": [_message(each) for each in messages],
        "why": [{"receiver": each.receiver, "told": each.told, "why": each.why} for each in answers],
    }


def answers_of(
    session: Session, row: IncidentRow, messages: Any, terms: Terms, now: float
) -> Iterator[Answer]:
    """Yield why people were told, and why not, each with its evidence and time."""
    yield from _of_the_incident(session, row, terms.policy)
    resting = health.failing(session)
    beginnings = [each for each in messages if each.kind == "open"]
    for each in beginnings:
        silence = session.get(SilenceRow, each.silence_id) if each.silence_id is not None else None
        yield Answer(each.receiver, each.state == "sent", _of_a_message(each, silence, resting, row, now))
    if row.told_at is None:
        return
    if terms.router is None:
        yield Answer("", told=False, why=f"routes.yaml cannot be read now: {terms.why}")
        return
    tags = labels(row)
    known = {each.receiver for each in beginnings}
    for due in terms.router.due(tags, now):
        if due.target not in known:
            yield Answer(
                due.target, told=False, why="not by the routes that held then; it would be by those of now"
            )
    if not any(terms.router.targets.values()):
        yield Answer(
            "", told=False, why="there is no receiver: set [smtp] recipients or [correlator] routes_file"
        )
    for route, why in terms.router.refusals(tags):
        unasked = [each for each in terms.router.targets.get(route.receiver, ()) if each not in known]
        if unasked:
            yield Answer(route.receiver, told=False, why=f"not by the route in line {route.line}: {why}")


def _of_the_incident(session: Session, row: IncidentRow, policy: Policy) -> Iterator[Answer]:
    rule = BOOK.rules.get(row.rule)
    if row.phase == "pending":
        hold = policy.hold(rule) if rule else 0.0
        why = f"held, {row.held}" if row.held else f"it must stand for {hold:.0f} s, since {clock(row.since)}"
        yield Answer("", told=False, why=f"nobody yet: {why}")
    elif row.cause_rule and row.told_at is not None:
        why = f"merged into {_cause(session, row)}, which speaks for it from then on"
        yield Answer("", told=True, why=why)
    elif row.cause_rule:
        cause = _cause(session, row)
        yield Answer(
            "",
            told=False,
            why=f"a symptom of {cause}, and told with it; by itself if it outlives that by "
            f"{policy.promote_after:.0f} s",
        )
    if row.acked_at is not None:
        yield Answer(
            "", told=True, why=f"acknowledged by {row.acked_by} at {clock(row.acked_at)}: no escalation"
        )
    if row.phase == "open" and row.held:
        yield Answer("", told=False, why=f"its end is not told: {row.held}, so it is held as it is")


def _cause(session: Session, row: IncidentRow) -> str:
    for each in reports.about(session, row.cause_subject, limit=50):
        if (each.rule, each.subject) == (row.cause_rule, row.cause_subject):
            return f"incident {each.id} ({each.rule} on {each.label or each.subject}, {each.phase})"
    return f"{row.cause_rule} on {row.cause_subject}"


def _of_a_message(
    each: OutboxRow, silence: SilenceRow | None, failing: Mapping[str, str], row: IncidentRow, now: float
) -> str:
    """Say what became of the news of a beginning."""
    step = f"escalation {each.step}, " if each.step else ""
    if each.state == "pending" and each.next_at >= NEVER and row.acked_at is not None:
        return f"{step}held back: {row.acked_by} looks after it"
    return step + (_of_the_past(each, row) or _of_the_future(each, silence, failing, now))


def _of_the_past(each: OutboxRow, row: IncidentRow) -> str:
    """Say what became of a message that waits no more; empty for one that does."""
    if each.state == "sent":
        within = f", within digest {each.digest_id}" if each.digest_id else ""
        return f"told at {clock(each.sent_at or each.created_at)}{within}"
    if each.state == "dead":
        return f"given up after {each.attempts} attempts: {each.error}"
    if each.state == "dropped":
        taken = each.step and row.acked_at is not None
        return f"taken back: {row.acked_by} looks after it" if taken else "over before it was due"
    if each.state == "folded":
        return f"waits in digest {each.digest_id}: more messages than its limit lets out"
    return ""


def _of_the_future(
    each: OutboxRow, silence: SilenceRow | None, failing: Mapping[str, str], now: float
) -> str:
    """Say what a message waits for."""
    if silence is not None and silences.state(silence, now) == "holds":
        kind = "under maintenance" if silence.source else f"silenced by silence {silence.id}"
        until = "it is over" if silence.until is None and not silence.weekly else clock(each.next_at)
        return f"{kind} until {until}: {silence.author}: {silence.comment}"
    if each.attempts:
        return f"{each.attempts} attempts failed, next at {clock(each.next_at)}: {each.error}"
    if each.next_at > now:
        why = "unless somebody acknowledges" if each.step else "group_wait or time intervals of its route"
        return f"due at {clock(each.next_at)}: {why}"
    bad = failing.get(each.receiver) or failing.get(each.receiver.partition(":")[0])
    return f"due since {clock(each.next_at)}" + (f"; the receiver fails: {bad}" if bad else "")


def _print(row: IncidentRow | None, told: dict[str, Any]) -> None:
    screen = console()
    if row is not None:
        screen.print(table_of([row], screen.width))
        for name, value in row.evidence.items():
            screen.print(Text(f"  {name}: {value}"))
    for each in told["decisions"]:
        at = clock(datetime.fromisoformat(each["at"]).timestamp())
        screen.print(Text(f"{at}  {each['what']:14} {each['detail']}"))
    for each in told["messages"]:
        error = f": {each['error']}" if each["error"] else ""
        line = f"{each['kind']} to {each['receiver']}: {each['state']}, attempts {each['attempts']}{error}"
        screen.print(Text(line))
    if told["why"]:
        print("Who was told, and who was not:")
    for each in told["why"]:
        mark = "yes" if each["told"] else "no "
        who = f"{each['receiver']}: " if each["receiver"] else ""
        screen.print(Text(f"  {mark}  {who}{each['why']}"))


def _decision(row: DecisionRow) -> dict[str, Any]:
    return {"at": iso(row.at), "what": row.what, "detail": row.detail}


def _message(row: OutboxRow) -> dict[str, Any]:
    return {
        "receiver": row.receiver,
        "kind": row.kind,
        "state": row.state,
        "attempts": row.attempts,
        "sent_at": iso(row.sent_at),
        "error": row.error,
    }
