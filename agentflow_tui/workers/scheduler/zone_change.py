"""Next runs that were worked out in another time zone: moved on when a scheduler begins.

What falls due soon is told apart then, too (`SlotPlan.moved`); but a time that lies further ahead
would keep its schedule from the times that its expression names until then.
"""

import asyncio
from datetime import tzinfo

from agentflow_tui.cron import CronError
from agentflow_tui.store import journal
from agentflow_tui.store.queue import schedule_fires
from agentflow_tui.store.queue.schedule_fires import Timing
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.scheduler import slots
from agentflow_tui.workers.scheduler.slot_journal import moved_entry

AT_ONCE = 20
"""Expressions worked out before other tasks get their turn."""


async def move_all(context: WorkerContext, zone: tzinfo) -> int:
    """Move on all next runs that are of another time zone, with a row in the journal for each.
    Returns how many. Raises `UnreachableError` and the like; then nothing was moved."""
    wrong = []
    for at, timing in enumerate(await context.database.fetch(schedule_fires.TIMINGS)):
        if _is_of_another_zone(timing, zone):
            wrong.append(timing)
        if at % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
    return await _move(context, wrong, zone) if wrong else 0


def _is_of_another_zone(timing: Timing, zone: tzinfo) -> bool:
    try:
        if slots.is_slot(timing.cron, timing.next_run, zone):
            return False
        return slots.is_of_another_zone(timing.cron, timing.next_run)
    except CronError:
        return False


async def _move(context: WorkerContext, timings: list[Timing], zone: tzinfo) -> int:
    next_runs = [slots.move(each.cron, each.now, zone).next_run for each in timings]
    async with context.database.transaction() as session:
        moved = await session.fetch(
            session.binding.cached(schedule_fires.move_on),
            [each.cron for each in timings],
            [each.next_run for each in timings],
            next_runs,
        )
        await journal.write(session, [moved_entry(each, zone=zone) for each in moved])
    return len(moved)
