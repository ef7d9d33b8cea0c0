"""What a change will lead to, in sentences, said before it is made."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from agentflow_tui.documents import Step, as_steps, read
from agentflow_tui.operations.context import OperationContext
from agentflow_tui.operations.selection import Snapshot
from agentflow_tui.store.changes import evidence
from agentflow_tui.store.changes.evidence import SendingRate, WorkflowLock
from agentflow_tui.store.reading.counts import CAP
from agentflow_tui.store.views.dead_workers import read_dead_workers
from agentflow_tui.store.views.tasks import Mentions, mentions
from agentflow_tui.text import age, bounded, duration, number, plural, shorten_id

SHOWN = 3
"""Rows of which the evidence is told one by one."""

SAMPLED = 200
"""Workflows whose coming steps are looked at."""

FRESH = timedelta(seconds=60)
"""A worker that has reported within this time is alive."""

EFFECTS = {
    "email": "queues mail",
    "distribution": "queues mail about insights",
    "api": "calls another service",
    "custom": "runs custom code",
}
"""What the steps of a type do outside the database when they run again."""

Teller = Callable[[OperationContext, Snapshot], Awaitable[list[str]]]


async def consequences(context: OperationContext, snapshot: Snapshot) -> list[str]:
    """The sentences for these rows. Raises `UnreachableError`, `RefusedError`."""
    operation = snapshot.operation
    tell = _TELLERS.get((operation.verb, operation.table))
    found = await tell(context, snapshot) if tell is not None and snapshot.changeable else []
    return [*found, *([operation.warning] if operation.warning and snapshot.changeable else [])]


def _ids(snapshot: Snapshot) -> list[str]:
    return [row.id for row in snapshot.changeable]


async def _requeued(context: OperationContext, snapshot: Snapshot) -> list[str]:
    """When the queue would be empty, and who is not written to again."""
    pace = await evidence.sending_rate(context.database)
    told = [] if pace is None else [drained(pace, len(snapshot.changeable), context.settings.rate)]
    partly = await evidence.partly_delivered(context.database, _ids(snapshot))
    if partly:
        has = "has" if partly == 1 else "have"
        told.append(
            f"{plural(partly, 'mail')} {has} reached some recipients already: "
            "only the others are written to."
        )
    if context.settings.hold > 0:
        waits = "It waits" if len(snapshot.changeable) == 1 else "They wait"
        told.append(f"{waits} {context.settings.hold:g} s, in which undo is certain.")
    return told


def drained(pace: SendingRate, more: int, limit: float) -> str:
    """When the queue is empty with so many more in it, at the rate that senders can do. ``limit``
    is the rate that they may not exceed, mails a second, 0 for none."""
    waiting = f"{bounded(pace.waiting, CAP)} wait now"
    if not pace.sends:
        return f"{waiting}, and no worker sends: start one that does."
    if not pace.per_second:
        return f"{waiting}; how fast they leave is not known yet."
    rate = min(pace.per_second, limit) if limit > 0 else pace.per_second
    seconds = (pace.waiting + more) / rate
    left = f"in about {duration(seconds)}" if seconds >= 1 else "within a second"
    a_minute = number(max(1, round(rate * 60)))
    over = " or more" if pace.waiting > CAP else ""
    return f"{waiting}; senders manage {a_minute} a minute: empty again {left}{over}."


async def _repeated(context: OperationContext, snapshot: Snapshot) -> list[str]:
    """The steps that run, again or for the first time, and what they do outside."""
    operation, ids = snapshot.operation, _ids(snapshot)
    rows = await context.database.fetch(evidence.STEPS_AHEAD, ids[:SAMPLED])
    effects: Counter[str] = Counter()
    names: list[str] = []
    for row in rows:
        start = _start(operation.verb, snapshot.argument, row.current_step)
        steps: Sequence[Step] = list(as_steps(read(row.steps)))[start:]
        names = [step.name or step.id or step.type for step in steps]
        effects.update({EFFECTS[step.type] for step in steps if step.type in EFFECTS})
    told = []
    if len(rows) == 1:
        shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        told.append(f"Runs {shown}." if names else "There is no step left to run.")
    for effect, count in effects.most_common():
        which = "It" if len(rows) == 1 else f"{number(count)} of {number(len(rows))} looked at:"
        told.append(f"{which} {effect}, also where that was done before.")
    return told


def _start(verb: str, argument: str | None, current: int | None) -> int:
    if verb == "run":
        return 0
    return int(argument) if verb == "reset" and argument else max(0, current or 0)


async def _evidence(context: OperationContext, snapshot: Snapshot) -> list[str]:
    """What is known of the locks that would be released."""
    told = []
    for lock in await context.database.fetch(evidence.LOCKS, _ids(snapshot)[:SHOWN]):
        found = await mentions(context.database, lock.id)
        told += _lock_lines(lock, found)
    rest = len(snapshot.changeable) - SHOWN
    return [*told, f"… and {plural(rest, 'lock')} more."] if rest > 0 else told


def _lock_lines(lock: WorkflowLock, found: Mentions) -> list[str]:
    steps = list(as_steps(read(lock.steps)))
    place = lock.step or 0
    step = steps[place] if 0 <= place < len(steps) else None
    name = (step.name or step.id or step.type) if step else "no step"
    held = age(lock.now - lock.locked_at) if lock.locked_at else "nobody knows how long"
    usual = _usual(found)
    compared = f"; its steps usually take {duration(usual)}" if usual is not None else ""
    told = [f"{name} of {shorten_id(lock.id)} has been locked for {held}{compared}."]
    if lock.holder is None:
        told.append("  No worker's row says that it holds it.")
    else:
        alive = lock.reported is not None and lock.now - lock.reported < FRESH
        seen = age(lock.now - lock.reported) if lock.reported else "never"
        word = "ALIVE" if alive else "gone"
        told.append(f"  {lock.holder} lists it and is {word}: it reported {seen} ago.")
    told.append(_last(found, lock.now))
    return told


def _usual(found: Mentions) -> float | None:
    """The median time of this workflow's steps, in seconds."""
    times = sorted(
        (entry.end_time - entry.start_time).total_seconds()
        for entry in found.entries
        if entry.start_time and entry.end_time and entry.task_type == "workflow.step"
    )
    return times[len(times) // 2] if times else None


def _last(found: Mentions, now: datetime) -> str:
    last = next((entry for entry in found.entries if entry.created_at), None)
    if last is None or last.created_at is None:
        return "  The journal says nothing about it."
    return (
        f"  The journal's last word: {last.task_type} {last.status}, "
        f"{age(now - last.created_at)} ago."
    )


async def _died(context: OperationContext, snapshot: Snapshot) -> list[str]:
    """What is known of the workers whose rows would go."""
    told = []
    for worker in await read_dead_workers(context.database):
        if worker.id in _ids(snapshot):
            found = await mentions(context.database, worker.id)
            lost = next((e for e in found.entries if e.task_type == "worker.lost"), None)
            at = lost.created_at if lost is not None and lost.created_at else worker.at
            when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else ""
            said = f" {lost.error}" if lost is not None and lost.error else ""
            told.append(f"{worker.name}: its lock is free; it was found dead{when}.{said}")
    rest = len(told) - SHOWN
    more = [f"… and {plural(rest, 'worker')} more."] if rest > 0 else []
    kept = ["What its row says stays in the journal, and undo brings it back."] if told else []
    return [*told[:SHOWN], *more, *kept]


async def _running(context: OperationContext, snapshot: Snapshot) -> list[str]:
    return ["A step that runs now ends first; nothing is cut off in the middle."]


_TELLERS: dict[tuple[str, str], Teller] = {
    ("retry", "email_queue"): _requeued,
    ("release", "email_queue"): _requeued,
    ("retry", "workflows"): _repeated,
    ("run", "workflows"): _repeated,
    ("reset", "workflows"): _repeated,
    ("unlock", "workflows"): _evidence,
    ("cancel", "workflows"): _running,
    ("pause", "workflows"): _running,
    ("delete", "health_checks"): _died,
}
