"""Schedulers killed at random, a server that crashes, connections that are cut: each slot once."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agentflow_tui.errors import AgentflowError
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.schema.ddl import create_missing_tables
from tests.chaos import slots
from tests.chaos.harness import WORKERS, Fleet, Server, cut_a_connection, environment, own_server
from tests.waiting import until
from tests.workers.rows import add_schedules, add_workflows, journal, one, seconds_ago

SCHEDULER = (*WORKERS, "--only", "scheduler")


@pytest.fixture
async def crashing(tmp_path: Path) -> AsyncIterator[tuple[Server, Database]]:
    """A server of one's own with the documented tables."""
    with own_server(tmp_path / "server") as server:
        database = await Database.open(server.url)
        await create_missing_tables(database)
        yield server, database
        database.close()


async def every_second(database: Database, count: int) -> None:
    """So many schedules on every second, whose workflows are never through: firing is enough."""
    workflows = await add_workflows(database, count)
    await add_schedules(database, workflows, "* * * * * *", seconds_ago(0))


async def all_alive(database: Database, processes: int) -> None:
    """Wait until so many processes have reported themselves."""
    alive = "SELECT count(*) FROM {health_checks} WHERE {health_checks.status} = 'ok'"
    await until(lambda: as_many_as(processes, database, alive), f"{processes} processes")


async def as_many_as(number: int, database: Database, statement: str) -> bool:
    return bool(await one(database, statement) >= number)


async def fired_until(database: Database, moment: datetime) -> bool:
    """Whether all schedules have moved past a moment."""
    try:
        found = await one(database, "SELECT min({schedules.nextRun}) > $1 FROM {schedules}", moment)
    except AgentflowError:
        return False
    return bool(found)


async def each_slot_once(database: Database, count: int) -> None:
    rows = await journal(database, "schedule.fire")
    accounted = slots.of_schedules(rows)
    assert len(accounted) == count
    assert slots.doubled(rows) == []
    assert slots.unaccounted(rows) == []
    ends: list[Any] = [found[-1] + timedelta(seconds=1) for found in accounted.values()]
    assert set(ends) >= {await one(database, "SELECT max({schedules.nextRun}) FROM {schedules}")}


async def storm(
    database: Database, folder: Path, *, schedules: int, processes: int, seconds: float, seed: int
) -> None:
    """Kill a scheduler, or cut a connection, again and again for some seconds."""
    dice = random.Random(seed)
    await every_second(database, schedules)
    with Fleet(environment(database.url, folder, poll=2.0), folder, *SCHEDULER) as fleet:
        fleet.start(processes)
        end = seconds_ago(-seconds)
        while not await fired_until(database, end):
            await asyncio.sleep(dice.uniform(0.2, 0.8))
            if dice.random() < 0.5:
                fleet.kill_one(dice)
            else:
                await cut_a_connection(database.url, dice)
        assert set(await fleet.stop()) <= {0, 143}
    await each_slot_once(database, schedules)


async def test_killed_and_cut_off_schedulers_fire_each_slot_once(
    database: Database, tmp_path: Path
) -> None:
    await storm(database, tmp_path, schedules=20, processes=2, seconds=4.0, seed=1)


async def test_a_crash_of_the_server_costs_no_slot(
    crashing: tuple[Server, Database], tmp_path: Path
) -> None:
    server, database = crashing
    await every_second(database, 20)
    with Fleet(environment(server.url, tmp_path, poll=2.0), tmp_path, *SCHEDULER) as fleet:
        fleet.start(2)
        await all_alive(database, 2)
        before = seconds_ago(-1)
        await until(lambda: fired_until(database, before))
        await server.crash()
        after = seconds_ago(-1)
        await until(lambda: fired_until(database, after))
        for worker in fleet.running:  # one of them fires for both while the other comes back
            await worker.has_said("database reachable again")
        assert await fleet.stop() == [0, 0]
    await each_slot_once(database, 20)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
async def test_two_hundred_schedules_for_half_a_minute(
    database: Database, tmp_path: Path, seed: int
) -> None:
    await storm(database, tmp_path, schedules=200, processes=4, seconds=30.0, seed=seed)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_the_server_crashes_again_and_again(
    crashing: tuple[Server, Database], tmp_path: Path
) -> None:
    server, database = crashing
    dice = random.Random(7)
    await every_second(database, 200)
    with Fleet(environment(server.url, tmp_path, poll=2.0), tmp_path, *SCHEDULER) as fleet:
        fleet.start(4)
        await all_alive(database, 4)
        end = seconds_ago(-30)
        while not await fired_until(database, end):
            await asyncio.sleep(dice.uniform(1, 4))
            await server.crash()
            fleet.kill_one(dice)
        assert set(await fleet.stop()) <= {0, 3, 143}
    await each_slot_once(database, 200)
