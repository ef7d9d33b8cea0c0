"""Threads for steps that may block: how many, and when one is given up."""

import asyncio
from typing import Any

from agentflow_tui.steps.calls import Call, Handler
from agentflow_tui.store.connection.database import Database
from agentflow_tui.workers.runner.threads import MOST_STUCK, StepThreads, ThreadJob
from tests.workers.workflows import AnyConfig, add, all_in_status, in_status, running, step


async def test_any_number_of_steps_may_run_as_long_as_they_end_in_their_time(
    database: Database,
) -> None:
    everybody = asyncio.Event()
    loop = asyncio.get_running_loop()
    begun = 0

    def begin() -> None:
        nonlocal begun
        begun += 1
        if begun == 2 * MOST_STUCK:
            everybody.set()

    async def patient(_call: Call[Any]) -> None:
        loop.call_soon_threadsafe(begin)
        while not everybody.is_set():
            await asyncio.sleep(0.01)

    handlers = {"patient": Handler(config=AnyConfig, run=patient, apart=True)}
    ids = [await add(database, [step("a", "patient")]) for _ in range(2 * MOST_STUCK)]
    async with running(database, handlers):
        await all_in_status(database, ids, "completed")


async def test_a_step_that_ends_late_when_called_off_is_tried_again(database: Database) -> None:
    calls = 0

    async def tidy(_call: Call[Any]) -> str:
        nonlocal calls
        calls += 1
        try:
            await asyncio.sleep(0 if calls == 2 else 60)
        finally:
            await asyncio.sleep(0.5)
        return "done"

    handlers = {"tidy": Handler(config=AnyConfig, run=tidy, apart=True)}
    again = step("a", "tidy", timeout=1, maxRetries=1, backoffFactor=0.1)
    workflow = await add(database, [again])
    async with running(database, handlers) as runner:
        await in_status(database, workflow, "completed")
        assert runner.threads.stuck == 0


async def test_a_step_that_is_called_off_before_it_began_gives_its_thread_back() -> None:
    benches, begun = StepThreads(), 0

    async def work() -> None:
        nonlocal begun
        begun += 1

    for _ in range(2 * MOST_STUCK):
        seat = ThreadJob()
        waiting = asyncio.create_task(benches.run(work, seat))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert await benches.ends(seat)
    assert benches.stuck == 0
    benches.close()
