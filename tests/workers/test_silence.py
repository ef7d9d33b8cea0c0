"""A database that falls silent for any length of time ends no worker, and costs nothing."""

import asyncio

import pytest

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import WorkerContext
from tests.waiting import until
from tests.workers.rows import add_schedules, add_workflows, journal, seconds_ago
from tests.workers.wires import wired
from tests.workers.workflows import add, in_status, log_of, step

BRIEF = 0.3
STEPS = [
    step("check", "condition", expression="context.name"),
    step("rest", "delay", seconds=0.2),
    step("mail", "email", to="team@acme.test", subject="Done", body="Done."),
]


@pytest.mark.parametrize("forget", [False, True])
async def test_silence_ends_no_worker_and_costs_no_workflow_and_no_slot(
    database: Database, forget: bool
) -> None:
    """Every role has something to do when it begins, and as many timeouts pass in it as it takes
    for each await on the way of a statement to have met it."""
    [scheduled] = await add_workflows(database, 1, status="completed")
    await add_schedules(database, [scheduled], "* * * * * *", seconds_ago(0))
    async with wired(database.url) as wire:
        options = ConnectionOptions(statement_timeout=BRIEF, connect_timeout=1.0, connections=8)
        far = await Database.open(wire.url, options)
        settings = Settings(workers=WorkerSettings(poll=0.2, sender="AgentFlow <a@acme.test>"))
        context = WorkerContext(database=far, settings=settings)
        roles = [supervisor.prepare(name, settings) for name in supervisor.ROLES]
        working = asyncio.create_task(supervisor.supervise(context, roles))
        try:
            first = [await add(database, STEPS, {"name": "before"}) for _ in range(20)]
            await until(lambda: log_of(database, first[0]), "they are at work")
            wire.fall_silent()
            meanwhile = await add(database, STEPS, {"name": "meanwhile"})
            lost = asyncio.get_running_loop().time()
            await until(lambda: asyncio.get_running_loop().time() > lost + 10 * BRIEF)
            assert not working.done()
            wire.heal(forget=forget)
            for workflow in (*first, meanwhile):
                await in_status(database, workflow, "completed", "failed")
                entries = await log_of(database, workflow)
                assert [entry.step for entry in entries] == ["check", "rest", "mail"]
            fired = len(await journal(database, "schedule.fire"))
            await until(lambda: has_fired(database, fired + 1), "it fires again")
        finally:
            context.stop()
            assert await working == 0
            far.close()


async def has_fired(database: Database, times: int) -> bool:
    return len(await journal(database, "schedule.fire")) >= times
