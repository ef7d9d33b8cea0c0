"""The scheduler: fires what is due, and asks to be called at the next slot that it knows of.

It reads the coming slots rarely and far ahead, keeps them in memory, and at their time moves all
that are due on in one transaction with the starts of their workflows and their journal rows. What
it keeps is a guess that the database confirms or refuses (`store.queue.schedule_fires`); whatever
was refused is read again.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from agentflow_tui import clock
from agentflow_tui.cron import CronError
from agentflow_tui.dataclass import dataclass
from agentflow_tui.settings import Settings
from agentflow_tui.store import journal
from agentflow_tui.store.queue import schedule_fires
from agentflow_tui.store.queue.schedule_fires import Fired, FireOutcome, Slot, Upcoming
from agentflow_tui.workers.context import RoleFactory, StepReport, WorkerContext
from agentflow_tui.workers.scheduler import slots, zone_change
from agentflow_tui.workers.scheduler.slot_journal import Punctuality, slot_entry, wrong_entry
from agentflow_tui.workers.scheduler.slots import SlotPlan

AHEAD = 4
"""Polls that one look at the coming slots reaches ahead."""

LOOKED_AT = 5000
"""Schedules that one look brings, at most."""

BATCH = 500
"""Schedules moved on in one transaction."""

YIELD = 0.015
"""Seconds that a scheduler which came too late for everything lets pass after the next slots, so
that the one which was first can be first again: all at once is slower for all of them."""

RECHECK = timedelta(seconds=0.1)
"""After which a schedule is read again that another process was at, the first time; twice as long
each further time, five times."""

SHARE = 50
"""A look that took a millisecond is not repeated within this many, however often it is woken."""

WRONG = 10_000
"""Wrong expressions that are remembered."""


@dataclass(frozen=True, slots=True)
class KnownSchedule:
    """A schedule as it was last seen."""

    id: str
    cron: str
    due: datetime
    of_another_zone: bool = False


def prepare(settings: Settings) -> RoleFactory:
    """Check the settings of the scheduler. Raises `SettingsError`."""
    clock.zone(settings.workers.time_zone or "UTC")
    return Scheduler


class Scheduler:
    """The scheduler of one process; any number of processes may run one."""

    name = "scheduler"

    def __init__(self, context: WorkerContext) -> None:
        settings = context.settings
        self._context = context
        self._zone = clock.zone(settings.workers.time_zone or "UTC")
        self._coalesce = settings.workers.missed == "coalesce"
        self._lease = settings.workers.lease
        self._reach = timedelta(seconds=settings.workers.poll * AHEAD)
        self._known: dict[str, KnownSchedule] = {}
        self._recheck_at: dict[str, datetime] = {}
        self._rechecks: dict[str, int] = {}
        self._wrong: dict[str, str] = {}
        self._reported_wrong = 0
        self._look_at: datetime | None = None
        self._horizon: datetime | None = None
        self._changed = True
        self._zone_checked = False
        self._rests_until = 0.0
        self._yielding = 0.0
        self._punctuality = Punctuality()

    async def step(self, woken: bool = True) -> StepReport:
        """Fire what is due; look ahead when it is time to, or when something changed."""
        self._changed |= woken
        if not self._zone_checked:
            await self._check_zone()
        if self._must_look():
            await self._look()
        if self._recheck_at:
            await self._look_again()
        due = self._due()
        if due and self._yielding:
            await self._read([known.id for known in due])
            due = self._due()
            self._yielding = YIELD if not due else 0.0
        done = await self._fire(due[:BATCH]) if due else 0
        return StepReport(done=done, again=0.0 if len(due) > BATCH else self._until_next())

    async def _check_zone(self) -> None:
        if moved := await zone_change.move_all(self._context, self._zone):
            self._context.log.of(self.name).info(
                "next runs of another time zone were moved on", count=moved
            )
        self._zone_checked = True

    def _due(self) -> list[KnownSchedule]:
        """What is due, the longest waiting first."""
        now = self._context.now() - self._margin()
        return sorted((k for k in self._known.values() if k.due <= now), key=lambda k: k.due)

    async def stop(self, deadline: float) -> None:
        """Nothing is held: a fire is one transaction."""

    def _margin(self) -> timedelta:
        """How long after a slot it has come for the database as well, whose clock decides."""
        return timedelta(seconds=min(self._context.clock.error, 0.005) + 0.0005 + self._yielding)

    def _must_look(self) -> bool:
        if self._look_at is None or self._context.now() >= self._look_at:
            return True
        return self._changed and time.monotonic() >= self._rests_until

    def _until_next(self) -> float:
        """Seconds until there is something to do: a slot, a check, a look."""
        moments = [known.due + self._margin() for known in self._known.values()]
        moments += self._recheck_at.values()
        if self._look_at is not None:
            moments.append(self._look_at)
        seconds = (min(moments) - self._context.now()).total_seconds() if moments else 0.0
        if self._changed:
            seconds = min(seconds, self._rests_until - time.monotonic())
        return max(seconds, 0.0005)

    async def _look(self) -> None:
        """Read the slots of the next polls, and mend what has none."""
        self._changed = False
        asked = time.monotonic()
        horizon = self._context.now() + self._reach
        found = await self._context.database.fetch(
            schedule_fires.UPCOMING,
            horizon,
            list(self._wrong),
            list(self._wrong.values()),
            LOOKED_AT,
        )
        answered = time.monotonic()
        self._context.clock.measured(found[0].now, asked, answered)
        self._rests_until = answered + max(0.02, (answered - asked) * SHARE)
        self._look_at = self._context.now() + self._reach / AHEAD
        self._horizon = horizon
        if len(found) == LOOKED_AT:
            self._horizon = self._look_at = found[-1].next_run or self._context.now()
        self._known.clear()
        self._recheck_at.clear()
        self._rechecks.clear()
        await self._learn(found)
        await self._forget_mended()

    async def _forget_mended(self) -> None:
        """Forget expressions that cannot be read once they are others, or their schedules are off
        or gone."""
        if self._wrong:
            still = await self._context.database.fetch(
                schedule_fires.STILL_WRONG, list(self._wrong), list(self._wrong.values())
            )
            self._wrong = {each: self._wrong[each] for each in still if each in self._wrong}
        if len(self._wrong) != self._reported_wrong:
            self._report()
            self._context.report_soon()

    async def _look_again(self) -> None:
        """Read schedules that another process was at when they were to be moved."""
        now = self._context.now()
        ids = [schedule_id for schedule_id, at in self._recheck_at.items() if at <= now]
        if ids:
            await self._read(ids)

    async def _read(self, ids: Sequence[str]) -> None:
        """Read these schedules anew; those that are gone or paused are forgotten."""
        asked = time.monotonic()
        found = await self._context.database.fetch(schedule_fires.LOOK_AGAIN, ids)
        if found:
            self._context.clock.measured(found[0].now, asked, time.monotonic())
        for schedule_id in ids:
            self._recheck_at.pop(schedule_id, None)
            self._known.pop(schedule_id, None)
        for row in found:
            if row.id and row.next_run and row.next_run > row.now:
                self._rechecks.pop(row.id, None)  # it was moved on: that was all
        await self._learn(found)

    async def _learn(self, found: Sequence[Upcoming]) -> None:
        """Keep what was read; fill in missing slots, and put wrong expressions on record."""
        empty: list[KnownSchedule] = []
        wrong: dict[str, tuple[str, str]] = {}
        for row in found:
            if row.id is None:
                continue
            expression = row.cron or ""
            try:
                if row.next_run is None:
                    slot = slots.first_slot(expression, row.now, self._zone)
                    empty.append(KnownSchedule(row.id, expression, slot))
                else:
                    self._keep(self._known_as(row.id, expression, row.next_run))
                self._wrong.pop(row.id, None)
            except CronError as error:
                wrong[row.id] = (expression, str(error))
        if empty:
            await self._fill(empty)
        if wrong:
            await self._put_on_record(wrong)

    def _known_as(self, schedule_id: str, expression: str, due: datetime) -> KnownSchedule:
        """A schedule as it was read. Raises `CronError`."""
        named = slots.is_slot(expression, due, self._zone)
        return KnownSchedule(
            schedule_id,
            expression,
            due,
            of_another_zone=not named and slots.is_of_another_zone(expression, due),
        )

    def _plan(self, known: KnownSchedule, now: datetime) -> SlotPlan:
        if known.of_another_zone:
            return slots.move(known.cron, now, self._zone)
        return slots.plan(known.cron, known.due, now, self._zone, coalesce=self._coalesce)

    def _keep(self, known: KnownSchedule) -> None:
        if self._horizon is not None and known.due <= self._horizon:
            self._known[known.id] = known

    async def _fill(self, empty: Sequence[KnownSchedule]) -> None:
        await self._context.database.execute(
            schedule_fires.set_next(self._context.database.binding),
            [known.id for known in empty],
            [known.cron for known in empty],
            [known.due for known in empty],
        )
        for known in empty:
            self._keep(known)

    async def _put_on_record(self, wrong: Mapping[str, tuple[str, str]]) -> None:
        """Say once what is wrong with an expression. The schedule stays active, without a slot."""
        entries = [
            wrong_entry(schedule_id, expression, error)
            for schedule_id, (expression, error) in wrong.items()
        ]
        async with self._context.database.transaction() as session:
            await session.execute(
                schedule_fires.UNSET_NEXT,
                list(wrong),
                [expression for expression, _ in wrong.values()],
            )
            await journal.write(session, entries)
        if len(self._wrong) + len(wrong) > WRONG:
            self._wrong.clear()
        for schedule_id, (expression, error) in wrong.items():
            self._wrong[schedule_id] = expression
            self._context.log.of(self.name).warning(
                "a schedule cannot be read", schedule=schedule_id, why=error
            )
        self._report()

    async def _fire(self, due: Sequence[KnownSchedule]) -> int:
        """Move these schedules on, start their workflows, write the journal: one transaction."""
        now = self._context.now()
        plans = {known.id: self._plan(known, now) for known in due}
        wanted = [_slot(known, plans[known.id]) for known in due]
        async with self._context.database.transaction() as session:
            won = await session.fetch(
                session.binding.cached(schedule_fires.fire),
                *schedule_fires.fire_values(wanted, lease=self._lease),
            )
            by_id = {known.id: known for known in due}
            await journal.write(
                session,
                [
                    slot_entry(by_id[f.id].cron, by_id[f.id].due, plans[f.id], f, zone=self._zone)
                    for f in won
                ],
            )
        self._settle(due, plans, won)
        return len(won)

    def _settle(
        self,
        due: Sequence[KnownSchedule],
        plans: Mapping[str, SlotPlan],
        won: Sequence[Fired],
    ) -> None:
        """Remember where the schedules stand now, and wake the runners."""
        ours = {fired.id for fired in won}
        self._yielding = 0.0 if won else YIELD
        for known in due:
            del self._known[known.id]
            next_run = plans[known.id].next_run
            if known.id not in ours:
                self._recheck_later(known.id)
                continue
            self._rechecks.pop(known.id, None)
            if next_run is None:
                self._changed = True
            else:
                slots.following(known.cron, next_run, self._zone)
                self._keep(KnownSchedule(known.id, known.cron, next_run))
        for fired in won:
            self._punctuality.note(plans[fired.id], fired)
        if any(fired.outcome == FireOutcome.FIRED for fired in won):
            self._context.wake("runner")
            self._context.notify()
        if won:
            self._report()

    def _recheck_later(self, schedule_id: str) -> None:
        times = self._rechecks.get(schedule_id, 0)
        self._recheck_at[schedule_id] = self._context.now() + RECHECK * 2 ** min(times, 5)
        self._rechecks[schedule_id] = times + 1

    def _report(self) -> None:
        self._reported_wrong = len(self._wrong)
        self._context.reports[self.name] = self._punctuality.report(len(self._wrong))


def _slot(known: KnownSchedule, plan: SlotPlan) -> Slot:
    return Slot(
        id=known.id,
        cron=known.cron,
        due=known.due,
        next_run=plan.next_run,
        starts=plan.slot is not None,
    )
