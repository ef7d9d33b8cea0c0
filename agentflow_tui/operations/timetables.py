"""What a schedule says, when it fires, and what it missed.

Cron is only imported when a schedule is looked at: the first screen has none.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache

from agentflow_tui import clock
from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.views.schedules import Schedule

MISSED_CAP = 100
"""Missed slots that are looked for; more are shown as ``99+``."""


def zone_of(name: str) -> tzinfo:
    """The zone in which the workers read cron expressions."""
    return clock.zone(name or "UTC")


@lru_cache(maxsize=4096)
def timetable_words(expression: str | None, _zone: str) -> tuple[str, str]:
    """What an expression says in words, and what is wrong with it; one of the two is empty."""
    from agentflow_tui import cron

    if not expression:
        return "", "no cron expression"
    try:
        return cron.words(expression), ""
    except AgentflowError as error:
        return "", str(error)


def next_fires(expression: str, after: datetime, count: int, zone: tzinfo) -> Sequence[datetime]:
    """The next fires. Raises `CronError`."""
    from agentflow_tui import cron

    fires: Sequence[datetime] = cron.next_fires(expression, after, count, zone)
    return fires


def starts_nothing(schedule: Schedule, now: datetime, zone: str) -> str:
    """Why an active schedule will not start its workflow when its expression says; empty when it
    will."""
    if schedule.starts_nothing:
        return f"its workflow is {schedule.workflow_status}, so its slots start nothing"
    due = schedule.next_run
    if schedule.active and schedule.cron and due is not None and due > now:
        minute = now.replace(second=0, microsecond=0)
        if _passes_slots(schedule.cron, due, minute, zone):
            return (
                "its next run is later than the expression says: edit or resume it, and it is "
                "worked out anew"
            )
    return ""


@lru_cache(maxsize=4096)
def _passes_slots(expression: str, due: datetime, since: datetime, zone: str) -> bool:
    """Whether there is a slot before ``due``, after the minute from ``since`` on."""
    try:
        first = next_fires(expression, since + timedelta(minutes=1), 1, zone_of(zone))
    except AgentflowError:
        return False  # it is said where the expression is
    return bool(first) and first[0] < due


def missed_fires(schedule: Schedule, now: datetime, zone: str) -> int:
    """How many slots of an active schedule have passed without a fire."""
    if not schedule.is_overdue(now) or schedule.cron is None:
        return 0
    minute = now.replace(second=0, microsecond=0)
    return len(unfired(schedule.cron, schedule.next_run, minute, zone))


@lru_cache(maxsize=1024)
def unfired(
    expression: str, due: datetime | None, now: datetime, zone: str
) -> tuple[datetime, ...]:
    """The slots from ``due`` until now, oldest first, at most `MISSED_CAP`."""
    from agentflow_tui import cron

    if due is None or due >= now:
        return ()
    try:
        later = cron.missed(expression, due, now, zone_of(zone), MISSED_CAP - 1)
    except AgentflowError:
        return ()
    return (due, *(at for at in later if at > due))
