"""When workflows that rest or were cut off go on."""

import asyncio
from typing import Any

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.steps.calls import Call, Handler, StepError
from agentflow_tui.store.database import Database
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.runner import Runner
from agentflow_tui.workers.runner_accounts import ALONE, CRASHES

from .test_liveness import living
from .workflows import (
    AnyConfig,
    Recorder,
    add,
    built_in,
    change,
    crew_for,
    in_status,
    row,
    running,
    step,
    until,
)

LONG = 600.0
"""Seconds between looks, and of a lease: longer than any test waits."""


async def test_a_short_rest_ends_in_its_time_and_not_at_the_next_look(database: Database) -> None:
    def fails_once(call: Call[Any]) -> str:
        if call.attempt == 1:
            raise StepError("not yet")
        return "now"

    handlers = built_in(flaky=Recorder().handler(fails_once))
    steps = [
        step("rest", "delay", seconds=0.2),
        step("try", "flaky", maxRetries=1, backoffFactor=0.2),
    ]
    workflow = await add(database, steps)
    async with running(database, handlers, poll=LONG):
        found = await in_status(database, workflow, "completed")
    assert found.context["try"] == "now"


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
    assert await supervisor.run(settings, database_url, [Runner(settings, handlers)]) == 1
    assert [(await row(database, each)).locked for each in workflows] == [True, True]
    is_broken = False
    async with living(database), running(database, handlers, lease=LONG):
        for workflow in workflows:
            await in_status(database, workflow, "completed")


async def test_a_step_that_kills_takes_no_other_workflow_with_it(database: Database) -> None:
    died = 0

    async def deadly(_call: Call[Any]) -> None:
        await asyncio.Event().wait()

    async def innocent(_call: Call[Any]) -> str:
        if died < CRASHES:
            await asyncio.Event().wait()
        return "done"

    killer, bystander = Recorder(), Recorder()
    handlers = {"deadly": killer.handler(deadly), "innocent": bystander.handler(innocent)}
    poison = await add(database, [step("a", "deadly")])
    beside = await add(database, [step("a", "innocent")])
    while died < CRASHES:
        runner, crew = Runner(handlers=handlers), crew_for(database)
        await runner.step(crew)
        died += 1
        await until(lambda: has_been_called(killer, died))  # noqa: B023 - awaited here
        for task in list(runner._tasks.values()):
            task.cancel()
        await asyncio.gather(*runner._tasks.values(), return_exceptions=True)
        for workflow in (poison, beside):
            await change(database, workflow, {"locked": "false", "lockedAt": "'epoch'"})
        await runner.stop(crew, 0)
    async with running(database, handlers):
        blamed = await in_status(database, poison, "failed")
        spared = await in_status(database, beside, "completed", "failed")
    assert f"its worker died {CRASHES} times while it ran" in str(blamed.last_error)
    assert spared.status == "completed"
    assert len(bystander.calls) == ALONE + 1


async def has_been_called(seen: Recorder, times: int) -> bool:
    return len(seen.calls) == times
