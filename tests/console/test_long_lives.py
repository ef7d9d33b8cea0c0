"""A console that lives long holds no more than one that was just opened: counted in objects."""

import asyncio
import gc
from collections import Counter
from functools import _lru_cache_wrapper

import pytest
from textual.pilot import Pilot

from agentflow_tui.console.app import ConsoleApp
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.reading.records import Record
from tests.console.driving import console, sees, settled, until
from tests.samples import fill

CHANGES = (
    "UPDATE {workflows} SET {workflows.lastUpdated} = clock_timestamp()",
    "UPDATE {email_queue} SET {email_queue.attempts} = {email_queue.attempts} + 1",
)
"""What gives the rows of a list another look."""


async def objects() -> Counter[str]:
    """How many objects there are of each type, without what is kept up to a bound: what Textual
    remembers, and timers of the loop that were cancelled, which go when they are many."""
    loop = asyncio.get_running_loop()
    for _ in range(1_000):
        loop.call_later(60, list).cancel()
    await asyncio.sleep(0.001)
    for found in gc.get_objects():
        if isinstance(found, _lru_cache_wrapper) and found.__module__.startswith("textual"):
            found.cache_clear()
    gc.collect()
    return Counter(f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects())


async def refresh(pilot: Pilot[None], database: Database, times: int) -> None:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    for _ in range(times):
        for change in CHANGES:
            await database.execute(change)
        before = app.state.looks
        app.look_again()
        while app.state.looks == before or not app.poller.is_settled:
            await asyncio.sleep(0.001)
    await settled(pilot)


async def grown(view: str, database: Database, times: int) -> dict[str, int]:
    """The types of which there is one more for every second refresh, after as many before."""
    await fill(database)
    async with console(database.url, view) as pilot:
        await settled(pilot)
        await refresh(pilot, database, times)
        before = await objects()
        await refresh(pilot, database, times)
        after = await objects()
    return {name: count for name, count in (after - before).items() if count > times // 2}


@pytest.mark.parametrize("view", ["overview", "workflows", "mail"])
async def test_refreshes_with_changing_rows_leave_nothing_behind(
    database: Database, view: str
) -> None:
    assert not await grown(view, database, 40)


@pytest.mark.long
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("view", ["overview", "workflows", "mail"])
async def test_a_hundred_thousand_refreshes_leave_nothing_behind(
    database: Database, view: str
) -> None:
    assert not await grown(view, database, 50_000)


async def test_a_row_that_was_opened_is_let_go_when_it_is_closed(database: Database) -> None:
    await fill(database)
    async with console(database.url, "workflows") as pilot:
        await settled(pilot)
        before = len(records())  # what an earlier test has not let go of is none of ours
        for _ in range(2):
            await pilot.press("enter")
            await sees(pilot, "Steps")
            await pilot.press("escape")
            await until(pilot, lambda: len(records()) <= before, "no row in full")


def records() -> list[Record]:
    gc.collect()
    return [found for found in gc.get_objects() if isinstance(found, Record)]
