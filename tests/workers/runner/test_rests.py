"""When workflows that rest go on, and who may interrupt them."""

import json
from functools import partial
from typing import Any

from agentflow_tui.steps.calls import Call, StepError
from agentflow_tui.store.connection.database import Database
from tests.waiting import until
from tests.workers.workflows import (
    Recorder,
    add,
    built_in,
    change,
    in_status,
    log_of,
    resting,
    row,
    running,
    step,
)

LONG = 600.0
"""Seconds between looks: longer than any test waits."""


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


async def test_an_operators_word_interrupts_a_step_that_waits(database: Database) -> None:
    seen = Recorder()

    async def mark(_call: Call[Any]) -> None:
        pass

    steps = [step("w", "delay", seconds=0.6), step("m", "mark")]
    paused = await add(database, steps)
    cancelled = await add(database, steps)
    async with running(database, built_in(mark=seen.handler(mark))):
        for workflow, status in ((paused, "paused"), (cancelled, "cancelled")):
            found = await until(partial(resting, database, workflow))
            assert (found.locked, found.current_step) == (False, 0)
            await change(database, workflow, {"status": f"'{status}'"})
        # a resumed delay goes on to its own end, even when its lock time was wiped
        await change(database, paused, {"status": "'pending'", "lockedAt": "NULL"})
        assert (await until(lambda: resting(database, paused))).current_step == 0
        await in_status(database, paused, "completed")
        assert len(seen.calls) == 1
        assert (await row(database, cancelled)).status == "cancelled"
    waited = json.loads((await log_of(database, paused))[0].output or "")
    assert "until" in waited
