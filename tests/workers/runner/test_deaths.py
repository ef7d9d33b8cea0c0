"""What ends around a workflow: its runner, its process, its connections, the time to stop."""

import asyncio
import json
from functools import partial
from typing import Any

import asyncpg
import pytest

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.steps.calls import Call, Handler
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.runner.role import Runner
from agentflow_tui.workers.runner.run_state import ALONE, RunLimits
from tests.waiting import until
from tests.workers.test_liveness import living
from tests.workers.workflows import (
    AnyConfig,
    Recorder,
    add,
    all_in_status,
    built_in,
    change,
    context_for,
    count,
    in_status,
    log_of,
    row,
    running,
    step,
)

LONG = 600.0
"""Seconds of a lease: longer than any test waits."""

DELAY = step("rest", "delay", seconds=0)


async def called(seen: Recorder, times: int = 1) -> bool:
    return len(seen.calls) == times


async def test_a_dead_runners_step_is_run_again_under_the_same_key(
    database: Database, other: Database
) -> None:
    never = asyncio.Event()

    async def slow(call: Call[Any]) -> str:
        if len(seen.calls) == 1:
            await never.wait()
        return call.key

    seen = Recorder()
    workflow = await add(database, [DELAY, step("a", "slow")])
    handlers = built_in(slow=seen.handler(slow))
    context = context_for(other, lease=300)
    dying = Runner(context, handlers)
    await dying.step()
    await until(lambda: called(seen))
    for task in list(dying.tasks.values()):  # it dies: nothing is said, nothing let go
        task.cancel()
    async with running(database, handlers, lease=0.1):
        found = await in_status(database, workflow, "completed")
    assert len(seen.calls) == 2
    assert len(set(seen.keys)) == 1
    assert found.context["a"] == seen.keys[0]
    assert [entry.step for entry in await log_of(database, workflow)] == ["rest", "a"]
    await dying.stop(0)


async def test_a_step_that_kills_its_worker_again_and_again_is_stopped(
    database: Database,
) -> None:
    seen = Recorder()
    gate = asyncio.Event()

    async def deadly(_call: Call[Any]) -> None:
        await gate.wait()

    workflow = await add(database, [step("a", "deadly")])
    for died in range(3):
        handlers = {"deadly": seen.handler(deadly)}
        runner = Runner(context_for(database), handlers, limits=RunLimits(crashes=2))
        await runner.step()
        if died < 2:
            await until(partial(called, seen, died + 1))
            for task in list(runner.tasks.values()):
                task.cancel()
            await change(database, workflow, {"locked": "false", "lockedAt": "'epoch'"})
        else:
            found = await in_status(database, workflow, "failed")
        await runner.stop(0)
    assert "its worker died 2 times while it ran" in str(found.last_error)
    assert len(seen.calls) == 2


@pytest.mark.parametrize(
    ("holder", "deaths"),
    [
        (None, 0),
        ({"lock": True}, 0),  # it holds its lock, or its death would be known: it stands still
        ({"lock": False}, 1),  # behind a transaction pooler, where nothing else tells of a death
    ],
)
async def test_a_lease_that_ran_out_is_a_death_where_nothing_else_would_tell(
    database: Database, holder: dict[str, Any] | None, deaths: int
) -> None:
    async def slow(_call: Call[Any]) -> None:
        await asyncio.Event().wait()

    workflow = await add(database, [step("a", "slow")], status="running")
    await change(database, workflow, {"locked": "true", "lockedAt": "now() - interval '1 hour'"})
    if holder is not None:
        await database.execute(
            "INSERT INTO {health_checks} ({health_checks.id}, {health_checks.details})"
            " VALUES ('worker:box:1:a', $1::text::jsonb)",
            json.dumps(holder | {"workflows": {workflow: None}}),
        )
    runner = Runner(context_for(database), {"slow": Recorder().handler(slow)})
    await runner.step()
    assert runner.held[workflow].state.crashes == deaths
    await runner.stop(0)


async def test_a_step_that_kills_takes_no_other_workflow_with_it(database: Database) -> None:
    died = 0

    async def deadly(_call: Call[Any]) -> None:
        await asyncio.Event().wait()

    async def innocent(_call: Call[Any]) -> str:
        if died < RunLimits().crashes:
            await asyncio.Event().wait()
        return "done"

    killer, bystander = Recorder(), Recorder()
    handlers = {"deadly": killer.handler(deadly), "innocent": bystander.handler(innocent)}
    poison = await add(database, [step("a", "deadly")])
    beside = await add(database, [step("a", "innocent")])
    while died < RunLimits().crashes:
        runner = Runner(context_for(database), handlers)
        await runner.step()
        died += 1
        await until(partial(called, killer, died))
        for task in list(runner.tasks.values()):
            task.cancel()
        await asyncio.gather(*runner.tasks.values(), return_exceptions=True)
        for workflow in (poison, beside):
            await change(database, workflow, {"locked": "false", "lockedAt": "'epoch'"})
        await runner.stop(0)
    async with running(database, handlers):
        blamed = await in_status(database, poison, "failed")
        spared = await in_status(database, beside, "completed", "failed")
    assert f"its worker died {RunLimits().crashes} times while it ran" in str(blamed.last_error)
    assert spared.status == "completed"
    assert len(bystander.calls) == ALONE + 1


class Bug(BaseException):
    """What no boundary around steps is for."""


async def test_what_a_bug_cut_off_is_given_back_to_the_others_at_once(
    database: Database, database_url: str
) -> None:
    is_broken = True

    async def innocent(_call: Call[Any]) -> str:
        if is_broken:
            await asyncio.Event().wait()
        return "done"

    def broken(_call: Call[Any]) -> str:
        if is_broken:
            raise Bug
        return "mended"

    handlers = {
        name: Handler(config=AnyConfig, run=run, apart=False)
        for name, run in (("innocent", innocent), ("broken", broken))
    }
    workflows = [await add(database, [step("a", name)]) for name in ("innocent", "broken")]
    workers = WorkerSettings(poll=0.05, lease=LONG)
    settings = Settings(workers=workers)
    factories = [lambda context: Runner(context, handlers)]
    assert await supervisor.run(settings, database_url, factories) == 1
    assert [(await row(database, each)).locked for each in workflows] == [True, True]
    is_broken = False
    async with living(database), running(database, handlers, lease=LONG):
        for workflow in workflows:
            await in_status(database, workflow, "completed")


async def test_connections_that_are_cut_cost_nothing(
    database: Database, other: Database, server: str
) -> None:
    mail = {"to": "a@x.test", "subject": "s", "body": "b"}
    steps = [step("d", "delay", seconds=0.05), *(step(f"m{n}", "email", **mail) for n in range(4))]
    ids = [await add(database, steps) for _ in range(80)]
    admin = await asyncpg.connect(database.url)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = $1 AND datname = current_database()"
        " ORDER BY random() LIMIT 1"
    )

    async with running(other, runner_slots=30, lease=1.0):
        for mails in range(0, 300, 12):
            await until(partial(_emails, database, mails))
            await admin.execute(cut, "another runner")
        await all_in_status(database, ids, "completed")
    await admin.close()
    assert await count(database, "email_queue") == 320
    assert await count(database, "task_logs") == 400


async def _emails(database: Database, wanted: int) -> bool:
    return await count(database, "emails") >= wanted


async def test_stopping_lets_go_of_what_cannot_end_in_time(database: Database) -> None:
    gate = asyncio.Event()

    async def slow(_call: Call[Any]) -> None:
        await gate.wait()

    workflow = await add(database, [step("a", "slow")])
    seen = Recorder()
    context = context_for(database)
    runner = Runner(context, {"slow": seen.handler(slow)})
    await runner.step()
    await until(lambda: called(seen))
    context.stop()
    await runner.stop(asyncio.get_running_loop().time())
    found = await row(database, workflow)
    assert (found.status, found.locked, found.rests) == ("running", False, False)
    assert not runner.held


async def test_stopping_ends_a_workflow_between_two_steps(database: Database) -> None:
    entered, leave_it = asyncio.Event(), asyncio.Event()

    async def slow(_call: Call[Any]) -> int:
        entered.set()
        await leave_it.wait()
        return 1

    workflow = await add(database, [step("a", "slow"), step("b", "slow")])
    context = context_for(database)
    runner = Runner(context, {"slow": Recorder().handler(slow)})
    await runner.step()
    await entered.wait()
    context.stop()
    leave_it.set()
    await runner.stop(asyncio.get_running_loop().time() + 5)
    found = await row(database, workflow)
    assert (found.current_step, found.locked, found.context) == (1, False, {"a": 1})
