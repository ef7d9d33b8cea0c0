"""What the journal says about each slot, and how punctual this process has been.

Every slot is accounted for: it is the ``slot`` of a row's input, or lies in the span of missed ones
in a row's output.
"""

import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from agentflow_tui.store.journal import JournalEntry
from agentflow_tui.store.queue.schedule_fires import Fired, FireOutcome, MovedOn
from agentflow_tui.workers.scheduler.slots import SlotPlan

TASK = "schedule.fire"
"""``task_logs.taskType`` of a slot that was fired, skipped or missed, and of a wrong expression."""

SHOWN = 200
"""Characters of an expression that the journal keeps."""

MOVED = "moved"
"""The outcome of a time that was a slot in the time zone before; nothing is started."""

SKIPPED = frozenset({FireOutcome.GONE, FireOutcome.BUSY, FireOutcome.LOCKED, FireOutcome.UNKNOWN})
"""Outcomes of slots that should have started something."""

_REASONS = {
    FireOutcome.MISSED: "its time was over, and missed slots are skipped",
    FireOutcome.GONE: "its workflow does not exist",
    FireOutcome.TWICE: "another schedule started the workflow at the same moment",
    FireOutcome.LOCKED: "the workflow's lock is held",
}


def slot_entry(
    expression: str, due: datetime, plan: SlotPlan, fired: Fired, *, zone: tzinfo
) -> JournalEntry:
    """The row of one slot that this process won: one that started nothing, though it should have,
    has failed."""
    reason = _moved(expression, due, zone) if plan.moved else _reason(fired)
    late = fired.late - (plan.slot - due).total_seconds() if plan.slot else fired.late
    said: dict[str, Any] = {
        "outcome": MOVED if plan.moved else fired.outcome,
        "late_ms": round(late * 1000),
        "next": plan.next_run,
    }
    if reason:
        said["reason"] = reason
    if plan.missed:
        said |= {"missed": plan.missed, "missed_from": plan.first, "missed_to": plan.last}
    if plan.uncounted:
        said["missed_at_least"] = True
    skipped = fired.outcome in SKIPPED
    return JournalEntry(
        task_type=TASK,
        status="failed" if skipped else "completed",
        input=_subject(fired.id, expression, plan.slot or due, fired.workflow_id),
        output=said,
        error=f"Nothing was started: {reason}." if skipped else None,
        user_id=fired.user_id,
    )


def _moved(expression: str, due: datetime, zone: tzinfo) -> str:
    local = due.astimezone(zone)
    return (
        f"{local:%Y-%m-%d %H:%M} is none of the times of '{expression[:SHOWN]}' in {zone}; it was "
        "worked out in another time zone"
    )


def _reason(fired: Fired) -> str:
    if fired.outcome == FireOutcome.BUSY:
        return f"the workflow is still {fired.status}"
    if fired.outcome == FireOutcome.UNKNOWN:
        return f"the workflow's status {fired.status!r} is not one to start from"
    return _REASONS.get(FireOutcome(fired.outcome), "")


def moved_entry(moved: MovedOn, *, zone: tzinfo) -> JournalEntry:
    """The row of a next run ahead that was worked out in another time zone, and was moved on."""
    return JournalEntry(
        task_type=TASK,
        status="completed",
        input=_subject(moved.id, moved.cron, moved.due, moved.workflow_id),
        output={
            "outcome": MOVED,
            "next": moved.next_run,
            "reason": _moved(moved.cron, moved.due, zone),
        },
    )


def wrong_entry(schedule_id: str, expression: str, error: str) -> JournalEntry:
    """The row of an expression that cannot be read; the same row by whichever process and
    however often it is written, so that it is there once."""
    return JournalEntry(
        id=str(uuid5(NAMESPACE_URL, f"agentflow:{schedule_id}:{expression}")),
        task_type=TASK,
        status="failed",
        input=_subject(schedule_id, expression, None, None),
        output={"outcome": "wrong"},
        error=error,
    )


def _subject(
    schedule_id: str, expression: str, slot: datetime | None, workflow_id: str | None
) -> dict[str, Any]:
    return {
        "schedule": schedule_id,
        "workflow": workflow_id,
        "cron": expression[:SHOWN],
        "slot": slot,
    }


class Punctuality:
    """How late this process has fired lately, and what was missed, for its row in
    ``health_checks``."""

    def __init__(self) -> None:
        self._fired = 0
        self._late: deque[float] = deque(maxlen=1000)
        self._missed: deque[tuple[float, int]] = deque(maxlen=10_000)
        self._skipped: deque[float] = deque(maxlen=10_000)

    def note(self, plan: SlotPlan, fired: Fired) -> None:
        if fired.outcome == FireOutcome.FIRED:
            self._fired += 1
            if not plan.missed:
                self._late.append(fired.late)
        if plan.missed:
            self._missed.append((time.monotonic(), plan.missed))
        if fired.outcome in SKIPPED:
            self._skipped.append(time.monotonic())

    def report(self, wrong: int) -> Mapping[str, Any]:
        """Fired since the start; the 99th percentile of how late, in milliseconds; missed in the
        last hour, and skipped; schedules whose expression cannot be read."""
        hour_ago = time.monotonic() - 3600
        late = sorted(self._late)
        return {
            "fired": self._fired,
            "late_ms": round(late[int(len(late) * 0.99)] * 1000) if late else 0,
            "missed": sum(count for at, count in self._missed if at > hour_ago),
            "skipped": sum(at > hour_ago for at in self._skipped),
            "wrong": wrong,
        }
