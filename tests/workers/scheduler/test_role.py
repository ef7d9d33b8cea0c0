"""Schedules fire exactly once, and every slot is accounted for in the journal."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentflow_tui import cron
from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.workers.context import StepReport, WorkerContext
from agentflow_tui.workers.scheduler import slots
from agentflow_tui.workers.scheduler.role import Scheduler
from tests.chaos import slots as slot_ledger
from tests.workers.rows import (
    YEARLY,
    add_schedules,
    add_workflows,
    journal,
    one,
    seconds_ago,
    table,
)


def context_of(database: Database, **options: Any) -> WorkerContext:
    given_settings = Settings(workers=WorkerSettings(**options))
    return WorkerContext(
        database=database, settings=given_settings, wakes={"runner": asyncio.Event()}
    )


async def stepped(database: Database, **options: Any) -> tuple[WorkerContext, StepReport]:
    """One step of a new scheduler."""
    context = context_of(database, **options)
    return context, await Scheduler(context).step()


async def next_run(database: Database) -> datetime | None:
    found: datetime | None = await one(database, "SELECT {schedules.nextRun} FROM {schedules}")
    return found


async def test_a_slot_starts_its_workflow_anew_and_is_journalled(database: Database) -> None:
    given = {"customer": 7, "fetch": {"old": True}, "_run": {"id": "x", "done": 0}}
    [workflow] = await add_workflows(database, context=given, status="failed")
    due = seconds_ago(1)
    [schedule] = await add_schedules(database, [workflow], next_run=due)

    context, turn = await stepped(database)

    assert turn.done == 1
    assert context.wakes["runner"].is_set()
    assert await table(
        database,
        """SELECT {workflows.status}, {workflows.currentStep}, {workflows.lastError},
             {workflows.locked}, {workflows.context} ->> 'customer', {workflows.context} ? '_run'
             FROM {workflows}""",
    ) == [("pending", 0, None, False, "7", False)]
    [row] = await journal(database, "schedule.fire")
    assert row["status"] == "completed"
    assert row["input"] == {
        "schedule": schedule,
        "workflow": workflow,
        "cron": YEARLY,
        "slot": due.isoformat(),
    }
    assert row["output"]["outcome"] == "fired"
    moved = await next_run(database)
    assert moved is not None
    assert moved > datetime.now(UTC)
    assert await one(database, "SELECT {schedules.lastRun} IS NOT NULL FROM {schedules}")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("pending", "the workflow is still pending"),
        ("running", "the workflow is still running"),
        ("paused", "the workflow is still paused"),
        ("archived", "the workflow's status 'archived' is not one to start from"),
    ],
)
async def test_a_workflow_that_is_not_through_is_not_started_twice(
    database: Database, status: str, reason: str
) -> None:
    workflows = await add_workflows(database, status=status)
    await add_schedules(database, workflows, next_run=seconds_ago(1))
    context, turn = await stepped(database)
    assert turn.done == 1
    assert not context.wakes["runner"].is_set()
    [row] = await journal(database, "schedule.fire")
    assert row["output"]["reason"] == reason
    assert await table(
        database,
        """SELECT {workflows.status}, {workflows.currentStep}, {schedules.lastRun}
             FROM {workflows}, {schedules}""",
    ) == [(status, 3, None)]
    assert (await next_run(database) or seconds_ago(0)) > datetime.now(UTC)


async def test_a_lock_keeps_a_workflow_from_being_started_until_it_is_stale(
    database: Database,
) -> None:
    held = await add_workflows(database, locked=True, locked_at=seconds_ago(10))
    stale = await add_workflows(database, locked=True, locked_at=seconds_ago(1000))
    await add_schedules(database, held + stale, next_run=seconds_ago(1))
    await stepped(database)
    rows = await journal(database, "schedule.fire")
    assert {row["input"]["workflow"]: row["output"]["outcome"] for row in rows} == {
        held[0]: "locked",
        stale[0]: "fired",
    }


async def test_two_schedules_of_one_workflow_start_it_once(database: Database) -> None:
    workflows = await add_workflows(database)
    await add_schedules(database, workflows * 2, next_run=seconds_ago(1))
    await stepped(database)
    rows = await journal(database, "schedule.fire")
    assert sorted(row["output"]["outcome"] for row in rows) == ["fired", "twice"]


async def test_a_schedule_without_its_workflow_says_so(database: Database) -> None:
    await add_schedules(database, [None], next_run=seconds_ago(1))
    await stepped(database)
    [row] = await journal(database, "schedule.fire")
    assert (row["status"], row["error"]) == (
        "failed",
        "Nothing was started: its workflow does not exist.",
    )


@pytest.mark.parametrize(("policy", "outcome"), [("coalesce", "fired"), ("skip", "missed")])
async def test_missed_slots_become_one_late_fire_or_none(
    database: Database, policy: str, outcome: str
) -> None:
    year = datetime.now(UTC).year
    first = datetime(year - 2, 1, 1, tzinfo=UTC)
    await add_schedules(database, await add_workflows(database), YEARLY, first)
    await stepped(database, missed=policy)
    [row] = await journal(database, "schedule.fire")
    said = row["output"]
    assert said["outcome"] == outcome
    last = datetime(year if policy == "skip" else year - 1, 1, 1, tzinfo=UTC)
    assert (said["missed"], said["missed_from"], said["missed_to"]) == (
        last.year - first.year + 1,
        first.isoformat(),
        last.isoformat(),
    )
    assert await next_run(database) == datetime(year + 1, 1, 1, tzinfo=UTC)


@given(
    expression=st.sampled_from(
        ["* * * * * *", "*/7 * * * *", "30 2 * * *", "0 0 * * 1", "0 5 31 * *"]
    ),
    after=st.integers(0, 2 * 365 * 86400),
    pause=st.timedeltas(timedelta(), timedelta(hours=1)),
    coalesce=st.booleans(),
)
@example(expression="* * * * * *", after=0, pause=timedelta(seconds=1000), coalesce=False)
@example(expression="* * * * * *", after=0, pause=timedelta(seconds=1001), coalesce=False)
@example(expression="* * * * * *", after=0, pause=timedelta(seconds=1002), coalesce=False)
@example(expression="* * * * * *", after=0, pause=timedelta(seconds=1003), coalesce=True)
@settings(deadline=None, max_examples=60)
def test_each_slot_of_a_pause_is_fired_or_counted_as_missed(
    expression: str, after: int, pause: timedelta, coalesce: bool
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
    first = slots.first_slot(expression, start, zone)
    now = first + pause
    made = slots.plan(expression, first, now, zone, coalesce=coalesce)
    passed = [first, *cron.missed(expression, first, now, zone, 1_000_000)]
    assert made.next_run == cron.next_fires(expression, now, 1, zone)[0]
    assert made.slot == (passed[-1] if coalesce or now - passed[-1] <= slots.GRACE else None)
    counted = passed if made.slot is None else passed[:-1]
    if counted:
        assert (made.first, made.last) == (counted[0], counted[-1])
    if made.uncounted:
        assert made.missed < len(counted)
    else:
        assert made.missed == len(counted)


async def test_an_empty_slot_is_filled_in(database: Database) -> None:
    await add_schedules(database, await add_workflows(database), YEARLY)
    context, turn = await stepped(database)
    assert turn.done == 0
    assert turn.again is not None
    assert 0 < turn.again <= context.settings.workers.poll
    filled = await next_run(database)
    assert filled is not None
    assert (filled.month, filled.day, filled.hour) == (1, 1, 0)
    assert await journal(database, "schedule.fire") == []


async def test_a_wrong_expression_is_journalled_once_and_the_others_go_on(
    database: Database,
) -> None:
    workflows = await add_workflows(database, 4)
    await add_schedules(database, workflows[:1], "every day", seconds_ago(5))
    await add_schedules(database, workflows[1:2], None)
    await add_schedules(database, workflows[2:3], "0 0 30 2 *")
    await add_schedules(database, workflows[3:], next_run=seconds_ago(1))
    for _ in range(3):
        await stepped(database)
    rows = await journal(database, "schedule.fire")
    assert sum(row["output"]["outcome"] == "wrong" and bool(row["error"]) for row in rows) == 3
    assert sum(row["output"]["outcome"] == "fired" for row in rows) == 1
    assert await one(database, "SELECT bool_and({schedules.active}) FROM {schedules}")


async def test_a_mended_expression_fires_again(database: Database) -> None:
    await add_schedules(database, await add_workflows(database), "every day", seconds_ago(5))
    context = context_of(database)
    scheduler = Scheduler(context)
    await scheduler.step()
    await database.execute("UPDATE {schedules} SET {schedules.cron} = '* * * * * *'")
    while not await journal_has(database, "fired"):
        turn = await scheduler.step()
        await asyncio.sleep(min(turn.again or 0, 0.05))


async def journal_has(database: Database, outcome: str) -> bool:
    rows = await journal(database, "schedule.fire")
    return any(row["output"]["outcome"] == outcome for row in rows)


async def test_a_schedule_that_changes_before_its_slot_does_not_fire_it(
    database: Database,
) -> None:
    workflows = await add_workflows(database, 3)
    due = datetime.now(UTC) + timedelta(seconds=0.2)
    await add_schedules(database, workflows, "* * * * *", due)
    context = context_of(database)
    scheduler = Scheduler(context)
    await scheduler.step()
    other, _, paused = [
        row[0] for row in await table(database, "SELECT {schedules.id} FROM {schedules}")
    ]
    await database.execute(
        "UPDATE {schedules} SET {schedules.cron} = '0 0 1 1 *' WHERE {schedules.id} = $1", other
    )
    await database.execute(
        "UPDATE {schedules} SET {schedules.active} = false WHERE {schedules.id} = $1", paused
    )
    done = 0
    while not done:
        turn = await scheduler.step(woken=False)
        done += turn.done
        await asyncio.sleep(min(turn.again or 0, 0.05))
    assert done == 1


async def test_a_row_that_somebody_is_at_delays_only_itself(database: Database) -> None:
    workflows = await add_workflows(database, 2)
    due = seconds_ago(1)
    schedules = await add_schedules(database, workflows, next_run=due)
    context = context_of(database)
    scheduler = Scheduler(context)
    async with database.transaction() as operator:
        await operator.execute(
            "UPDATE {workflows} SET {workflows.lastUpdated} = now() WHERE {workflows.id} = $1",
            workflows[0],
        )
        assert (await scheduler.step()).done == 1
        assert await one(
            database,
            "SELECT {schedules.nextRun} = $2 FROM {schedules} WHERE {schedules.id} = $1",
            schedules[0],
            due,
        )
    done = 0
    while not done:
        turn = await scheduler.step(woken=False)
        done += turn.done
        await asyncio.sleep(min(turn.again or 0, 0.05))
    rows = await journal(database, "schedule.fire")
    assert [row["output"]["outcome"] for row in rows] == ["fired", "fired"]


async def test_of_many_schedulers_one_fires_each_slot(
    database_url: str, database: Database
) -> None:
    workflows = await add_workflows(database, 60)
    schedules = await add_schedules(database, workflows, "* * * * * *", seconds_ago(0))
    databases = [
        await Database.open(database_url, ConnectionOptions(connections=2)) for _ in range(4)
    ]
    contexts = [context_of(each) for each in databases]
    enough = len(schedules) * 3
    fired = 0

    async def work(context: WorkerContext) -> None:
        nonlocal fired
        scheduler = Scheduler(context)
        while fired < enough:
            turn = await scheduler.step(woken=False)
            fired += turn.done
            await asyncio.sleep(min(turn.again or 0, 0.1))

    await asyncio.gather(*(work(context) for context in contexts))
    for each in databases:
        each.close()
    rows = await journal(database, "schedule.fire")
    assert len(rows) == fired
    assert slot_ledger.doubled(rows) == []
    assert slot_ledger.unaccounted(rows) == []


async def test_many_thousand_schedules_cost_no_statement_but_for_those_due(
    database: Database,
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    [workflow] = await add_workflows(database)
    await database.execute(
        """INSERT INTO {schedules} ({schedules.id}, {schedules.workflowId}, {schedules.cron},
             {schedules.nextRun}, {schedules.active})
           SELECT gen_random_uuid(), $1, '* * * * *', $2, true FROM generate_series(1, 20000)""",
        workflow,
        later,
    )
    await add_schedules(database, [workflow], YEARLY, datetime.now(UTC) + timedelta(seconds=0.3))
    context = context_of(database)
    scheduler = Scheduler(context)
    before = database.statements
    done = 0
    while not done:
        turn = await scheduler.step(woken=False)
        done += turn.done
        await asyncio.sleep(min(turn.again or 0, 0.5))
    assert done == 1
    # One look, and one whether the time zone has changed; a fire is a session of its own.
    assert database.statements - before == 2
    assert await journal_has(database, "fired")


async def test_a_database_made_by_another_program_is_scheduled_as_well(empty_url: str) -> None:
    database = await Database.open(empty_url, ConnectionOptions())
    await database.execute(
        """CREATE TABLE "Workflows" ("id" text PRIMARY KEY, status text, "currentStep" int,
             context json, "lockedAt" timestamptz, locked bool)"""
    )
    await database.execute(
        """CREATE TABLE "schedules" (id text PRIMARY KEY, workflow_id text, cron varchar(40),
             last_run_at timestamptz, next_run_at timestamptz, enabled boolean)"""
    )
    await database.execute(
        """CREATE TABLE task_logs (id bigserial PRIMARY KEY, task_type text, task_data json,
             result json, status text, tenant text NOT NULL)"""
    )
    await database.rebind()
    await database.execute("""INSERT INTO {workflows} VALUES ('w', 'completed', 2, '{"a": 1}')""")
    await database.execute(
        "INSERT INTO {schedules} VALUES ($1, 'w', '* * * * *', NULL, now() - interval '5 s', true)",
        str(uuid4()),
    )
    await stepped(database)
    assert await table(
        database,
        """SELECT w.{workflows.status}, t.{task_logs.status}, t.{task_logs.output}->>'outcome'
             FROM {workflows} w, {task_logs} t""",
    ) == [("pending", "completed", "fired")]
    database.close()


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("minutes_ago", [0, 90])
async def test_a_time_of_the_zone_before_starts_nothing_and_is_said(
    database: Database, zone: str, minutes_ago: int
) -> None:
    due = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    [workflow] = await add_workflows(database, status="completed")
    await add_schedules(database, [workflow], f"{due.minute} {due.hour} * * *", due)
    await stepped(database, time_zone=zone)
    [entry] = await journal(database, "schedule.fire")
    assert entry["output"]["outcome"] == "moved"
    assert f"in {zone}; it was worked out in another time zone" in entry["output"]["reason"]
    local = (await next_run(database) or due).astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (due.hour, due.minute)
    assert await one(database, "SELECT {workflows.status} FROM {workflows}") == "completed"


async def test_a_time_ahead_of_the_zone_before_is_moved_when_a_scheduler_begins(
    database: Database,
) -> None:
    """Else nothing would fire before it, whatever the expression names."""
    ahead = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=8)
    workflows = await add_workflows(database, 2, status="completed")
    expression = f"{ahead.minute} {ahead.hour} * * *"
    [theirs] = await add_schedules(database, workflows[:1], expression, ahead)
    by_hand = ahead + timedelta(seconds=17)
    await add_schedules(database, workflows[1:], "0 5 1 1 *", by_hand)
    context, _ = await stepped(database, time_zone="Asia/Tokyo")
    [entry] = await journal(database, "schedule.fire")
    assert (entry["input"]["schedule"], entry["output"]["outcome"]) == (theirs, "moved")
    read = "SELECT {schedules.workflowId}::text, {schedules.nextRun} FROM {schedules}"
    left = dict(await table(database, read))
    assert left[workflows[1]] == by_hand
    local = left[workflows[0]].astimezone(ZoneInfo("Asia/Tokyo"))
    assert (local.hour, local.minute) == (ahead.hour, ahead.minute)
    assert local > context.now()


async def test_a_time_that_was_set_by_hand_starts_its_workflow(database: Database) -> None:
    [workflow] = await add_workflows(database, status="completed")
    await add_schedules(database, [workflow], YEARLY, seconds_ago(1))
    await stepped(database, time_zone="Asia/Tokyo")
    assert await one(database, "SELECT {workflows.status} FROM {workflows}") == "pending"


@pytest.mark.parametrize("status", ["paused", "pending", "running", "archived"])
async def test_a_slot_that_starts_nothing_is_a_failure_with_the_reason(
    database: Database, status: str
) -> None:
    [workflow] = await add_workflows(database, status=status)
    await add_schedules(database, [workflow], next_run=seconds_ago(1))
    context, _ = await stepped(database)
    [entry] = await journal(database, "schedule.fire")
    assert entry["status"] == "failed"
    assert entry["error"].startswith("Nothing was started: the workflow")
    assert context.reports["scheduler"]["skipped"] == 1


async def test_a_schedule_starts_a_draft(database: Database) -> None:
    [workflow] = await add_workflows(database, status="draft")
    await add_schedules(database, [workflow], next_run=seconds_ago(1))
    await stepped(database)
    assert await one(database, "SELECT {workflows.status} FROM {workflows}") == "pending"


@pytest.mark.parametrize("change", ["cron = '* * * * *'", "active = false"])
async def test_a_mended_expression_is_no_longer_counted(database: Database, change: str) -> None:
    workflows = await add_workflows(database, 2)
    await add_schedules(database, workflows, "every day")
    context = context_of(database)
    scheduler = Scheduler(context)
    await scheduler.step()
    assert context.reports["scheduler"]["wrong"] == 2
    told: list[int] = []
    context.report_soon = lambda: told.append(1)
    await database.execute(f"UPDATE {{schedules}} SET {change}")
    await until_counted(scheduler, context)
    assert told


async def until_counted(scheduler: Scheduler, context: WorkerContext) -> None:
    """Step until no expression counts as one that cannot be read."""
    async with asyncio.timeout(20):
        while context.reports["scheduler"]["wrong"]:
            await scheduler.step(woken=True)
            await asyncio.sleep(0.02)
