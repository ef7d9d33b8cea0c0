"""Which slot to fire, which were missed, which comes next: pure, by the clock that is handed in."""

from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from agentflow_tui import cron
from agentflow_tui.cron import CronError
from agentflow_tui.dataclass import dataclass

GRACE = timedelta(seconds=60)
"""How late a slot may be and still be fired where missed slots are skipped. Restarting a worker
takes less."""

COUNTED = 1000
"""Missed slots that are counted one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPlan:
    """What becomes of a schedule that is due.

    ``slot`` is to be fired, or None. ``missed`` slots from ``first`` to ``last`` are not; it is a
    lower bound where ``uncounted``. ``next_run`` comes after all of them.
    """

    slot: datetime | None
    next_run: datetime | None
    missed: int = 0
    first: datetime | None = None
    last: datetime | None = None
    uncounted: bool = False
    moved: bool = False
    """It was no slot of the expression in this time zone but one in another: nothing is fired."""


@lru_cache(maxsize=20_000)
def following(expression: str, after: datetime, zone: tzinfo) -> datetime | None:
    """The slot after ``after``, in UTC. Raises `CronError`, also for a date that never comes."""
    found = cron.next_fires(expression, after, 1, zone)
    return found[0] if found else None


@lru_cache(maxsize=20_000)
def is_slot(expression: str, moment: datetime, zone: tzinfo) -> bool:
    """Whether an expression names this moment. Raises `CronError`."""
    return following(expression, moment - timedelta(microseconds=1), zone) == moment


@lru_cache(maxsize=1000)
def is_of_another_zone(expression: str, moment: datetime) -> bool:
    """Whether an expression names this moment in some time zone: one that was worked out in the
    zone that the workers had before, and not one that was set by hand. Raises `CronError`."""
    if moment.microsecond or (moment.second and len(expression.split()) < 6):
        return False
    return any(is_slot(expression, moment, timezone(offset)) for offset in _OFFSETS)


_OFFSETS = [timedelta(minutes=15 * quarters) for quarters in range(-12 * 4, 14 * 4 + 1)]
"""The offsets that time zones have."""


def move(expression: str, now: datetime, zone: tzinfo) -> SlotPlan:
    """What to do with a moment that is a slot in another zone only. Raises `CronError`."""
    return SlotPlan(slot=None, next_run=following(expression, now, zone), moved=True)


def first_slot(expression: str, now: datetime, zone: tzinfo) -> datetime:
    """The next slot of a schedule that has none yet. Raises `CronError`."""
    found = following(expression, now.replace(microsecond=0), zone)
    if found is None:
        raise CronError(f"{expression!r} names a date that never comes.")
    return found


def plan(
    expression: str, due: datetime, now: datetime, zone: tzinfo, *, coalesce: bool
) -> SlotPlan:
    """What to do at ``now`` with a slot that was ``due``.

    Of the slots that have passed, the latest is fired and stands for all of them where missed
    slots are coalesced; where they are skipped, it is fired only within `GRACE`. Raises
    `CronError`.
    """
    next_run = following(expression, due, zone)
    if next_run is None or next_run > now:
        if coalesce or now - due <= GRACE:
            return SlotPlan(slot=due, next_run=next_run)
        return SlotPlan(slot=None, next_run=next_run, missed=1, first=due, last=due)
    passed = [due, *cron.missed(expression, due, now, zone, COUNTED)]
    next_run = following(expression, passed[-1], zone)
    uncounted = False
    if next_run is not None and next_run <= now:
        latest = cron.previous(expression, now + timedelta(microseconds=1), zone) or next_run
        before = cron.previous(expression, latest, zone) or next_run
        uncounted = before > next_run
        passed += [before, latest] if before > passed[-1] else [latest]
        next_run = following(expression, latest, zone)
    slot = passed.pop() if coalesce or now - passed[-1] <= GRACE else None
    return SlotPlan(
        slot=slot,
        next_run=next_run,
        missed=len(passed),
        first=passed[0],
        last=passed[-1],
        uncounted=uncounted,
    )
