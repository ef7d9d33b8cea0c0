"""All server processes stand still for a while, as when the storage stalls, also those that come
meanwhile: no worker ends, and none that lives loses what it holds."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentflow_tui.settings import Settings, WorkerSettings
from agentflow_tui.store.connection.database import Database
from agentflow_tui.store.connection.options import ConnectionOptions
from agentflow_tui.store.schema.ddl import create_missing_tables
from agentflow_tui.workers import supervisor
from agentflow_tui.workers.context import WorkerContext
from tests.chaos.harness import WORKERS, Fleet, environment, own_server
from tests.chaos.test_partitions import RESTING, SLOTS, completed
from tests.waiting import until
from tests.workers.rows import journal, seconds_ago, table
from tests.workers.workflows import add, all_in_status, count

LOST = ("taken over by another worker", "claimed by another worker", "Others took this process")
"""What a worker says that has lost what it held."""


@asynccontextmanager
async def standing_still(backends: Callable[[], Awaitable[set[int]]]) -> AsyncIterator[None]:
    """Inside, the server processes that are found stand still, also those that come meanwhile."""
    stopped: set[int] = set()

    async def stop_them() -> None:
        while True:
            for pid in await backends() - stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.add(pid)
            await asyncio.sleep(0.05)

    stopping = asyncio.create_task(stop_them())
    try:
        yield
    finally:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def test_workers_keep_what_they_hold_over_a_stall_that_is_longer_than_their_lease(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ids = [await add(database, RESTING, {"name": f"w{n}"}) for n in range(40)]
    options = ConnectionOptions(application="stalling", statement_timeout=0.3, connections=6)
    given = WorkerSettings(poll=0.2, lease=1.0, runner_slots=10)

    async def backends() -> set[int]:
        here = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        found = await table(database, f"{here} AND application_name = 'stalling'")
        return {pid for (pid,) in found}

    async with AsyncExitStack() as stack:
        contexts = []
        for _ in range(2):
            opened = await Database.open(database.url, options)
            stack.callback(opened.close)
            contexts.append(WorkerContext(database=opened, settings=Settings(workers=given)))
        roles = [supervisor.prepare("runner", Settings(workers=given))]
        working = [asyncio.create_task(supervisor.supervise(each, roles)) for each in contexts]
        await until(lambda: journal(database, "workflow.step"), "they are at work")
        async with standing_still(backends):
            since = contexts[0].now()
            await until(
                lambda: (contexts[0].now() - since).total_seconds() > 2 * given.lease,
                "leases run out, and statements are given up",
            )
        await all_in_status(database, ids, "completed")
        for each in contexts:
            each.stop()
        assert await asyncio.gather(*working) == [0, 0]
    assert not [said for said in LOST if said in caplog.text]
    assert len(await journal(database, "workflow.step")) == len(RESTING) * len(ids)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lease", [300, 20])
async def test_a_server_that_stands_still_for_a_minute_ends_no_worker(
    tmp_path: Path, lease: int
) -> None:
    with own_server(tmp_path / "server") as server:
        database = await Database.open(server.url)
        await create_missing_tables(database)
        environ = environment(server.url, tmp_path, poll=1.0, runner_slots=SLOTS, lease=lease)
        ids = [await add(database, RESTING, {"name": f"w{n}"}) for n in range(200)]

        async def backends() -> set[int]:
            return server.backends()

        with Fleet(environ, tmp_path, *WORKERS) as fleet:
            fleet.start(2)
            await until(lambda: are_alive(database, 2), "they are known", seconds=60)
            await until(lambda: journal(database, "workflow.step"), "they are at work", seconds=60)
            end = seconds_ago(-75)
            async with standing_still(backends):
                await until(lambda: datetime.now(UTC) > end, "a minute", seconds=90)
            await until(lambda: completed(server.url, len(ids)), "all done", seconds=200)
            assert set(await fleet.stop()) == {0}
        for worker in fleet.running:
            assert not [said for said in LOST if said in worker.said], worker.said
        database.close()
        database = await Database.open(server.url)
        assert len(await journal(database, "workflow.step")) == len(RESTING) * len(ids)
        database.close()


async def are_alive(database: Database, processes: int) -> bool:
    """Whether so many have begun: without a database a start fails, and later it is waited for."""
    return await count(database, "health_checks", "{health_checks.id} LIKE 'worker:%'") == processes
