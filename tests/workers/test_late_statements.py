"""A statement that is carried out long after it was sent, as by a server that stood still, costs no
living worker what it holds, and leaves nothing behind that no process knows of."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from agentflow_tui.errors import UnreachableError
from agentflow_tui.settings import Settings
from agentflow_tui.steps.registry import load
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.queue.workflow_claims import KIND
from agentflow_tui.workers.context import WorkerContext
from agentflow_tui.workers.heartbeat import Heartbeat
from agentflow_tui.workers.outage import LastOutage
from agentflow_tui.workers.runner.role import Runner
from tests.waiting import until
from tests.workers.rows import add_workflows, one
from tests.workers.wires import Wire, wired
from tests.workers.workflows import (
    Recorder,
    add,
    built_in,
    context_for,
    in_status,
    log_of,
    row,
    running,
    step,
)

BRIEF = 0.2
"""Seconds in which the server has to answer here."""


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wired(database_url) as made:
        yield made


@pytest.fixture
async def far(wire: Wire) -> AsyncIterator[Database]:
    """The database at the other end of the wire."""
    options = ConnectionOptions(statement_timeout=BRIEF, connect_timeout=1.0)
    opened = await Database.open(wire.url, options)
    yield opened
    opened.close()


WRITES = {
    "a rest, and its end": [step("rest", "delay", seconds=0.3)],
    "what goes on record before a step": [step("call", "keyed")],
    "a result, and the end": [step("count", "plain")],
    "a result, and the next step": [step("count", "plain"), step("call", "keyed")],
}
"""What the first write about a workflow of these steps says."""


@pytest.mark.parametrize("loss", ["asked late", "answer lost"])
@pytest.mark.parametrize("first", WRITES)
async def test_a_write_whose_answer_is_lost_is_known_for_ours(
    database: Database,
    far: Database,
    wire: Wire,
    first: str,
    loss: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen = Recorder()
    handlers = built_in(
        keyed=seen.handler(lambda call: call.key),
        plain=seen.handler(lambda call: 1, keyed=False),
    )
    workflow = await add(database, WRITES[first])
    before = await row(database, workflow)
    caplog.set_level("INFO")
    if loss == "asked late":
        wire.fall_silent(UUID(workflow).bytes)
    else:
        wire.hold_answers(UUID(workflow).bytes)
    async with running(far, handlers, lease=600.0, runner_slots=1):  # so it claims no more
        if loss == "asked late":
            await until(lambda: wire.is_silent, "the write is sent")
            await until(lambda: "waits to be written" in caplog.text, "it is taken for lost")
            wire.heal()
        else:
            await until(lambda: wire.holds_answers, "the write is sent")
            await until(lambda: differs(database, workflow, before), "it is committed")
            wire.cut()
        await in_status(database, workflow, "completed")
    assert [each.step for each in await log_of(database, workflow)] == [
        each["id"] for each in WRITES[first]
    ]
    assert len(seen.calls) == len([each for each in WRITES[first] if each["type"] != "delay"])
    assert "another worker" not in caplog.text


async def differs(database: Database, workflow: str, before: Any) -> bool:
    """Whether more was written of a workflow than its claim."""
    return bool((await row(database, workflow)).text != before.text)


async def test_a_claim_that_nobody_waits_for_any_more_takes_nothing(
    database: Database, far: Database, wire: Wire
) -> None:
    context = WorkerContext(database=far, settings=Settings(), wakes={"runner": asyncio.Event()})
    heart = Heartbeat(context)
    await heart.start()
    runner = Runner(context, load().handlers)
    workflow = await add(database, [step("check", "condition", expression="context.name")], {})
    wire.fall_silent(context.identity.encode())
    with pytest.raises(UnreachableError):
        await runner.step()
    backend = context.leases.unanswered[KIND]
    wire.heal(forget=True)
    await until(lambda: gives_back(context), "the claim is over")
    wire.remember()

    async def is_over() -> bool:
        left = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
        return bool(await one(database, left, backend) == 0)

    await until(is_over, "its server process has ended")
    assert not (await row(database, workflow)).locked
    await runner.stop(0)
    await heart.end()


async def gives_back(context: WorkerContext) -> bool:
    async with context.leases.lock:
        try:
            return await context.leases.give_back_unanswered()
        except UnreachableError:
            return False


async def test_no_lease_runs_out_while_the_database_stands_still(
    database: Database, far: Database, wire: Wire
) -> None:
    """Its holder could renew it as little as we could ask for it."""
    context = context_for(far, lease=1.0)
    runner = Runner(context, built_in())
    await runner.step()
    [held] = await add_workflows(database, status="running", locked=True, locked_at=context.now())
    wire.fall_silent()
    began = asyncio.get_running_loop().time()
    with pytest.raises(UnreachableError):
        await runner.step()
    await until(lambda: asyncio.get_running_loop().time() > began + 1.1, "its lease is over")
    wire.heal(forget=True)

    async def steps() -> bool:
        try:
            return bool(await runner.step())
        except UnreachableError:
            return False

    await until(steps, "it asks again")
    assert held not in runner.held
    assert context.leases.judged_at(KIND) < context.now() - timedelta(seconds=1)
    await runner.stop(0)


def test_an_outage_counts_until_holders_had_the_time_to_renew_their_leases() -> None:
    now = monotonic()
    outage = LastOutage(300.0, settles_within=0.0)
    assert outage.age == 0
    outage.begin(now - 100)
    outage.begin(now - 50)
    assert outage.age >= 100, "the same one"
    outage.answered(now)
    assert outage.age == 0
    lasting = LastOutage(300.0, settles_within=600.0)
    lasting.answered(now)
    assert lasting.age == 0
    lasting.answered(now - 100)
    assert lasting.age >= 100, "an answer that took long"
    lasting.begin(now - 50)
    assert lasting.age >= 100, "before others had the time, it goes on"
